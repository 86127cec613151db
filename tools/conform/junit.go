package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// A result is how one case went.
type result struct {
	section string // like http2/6.8
	name    string // what the case does
	failed  bool
	skipped bool
	problem string // what was expected and what came, in lines
}

// parse reads h2spec's report, which is in JUnit's format.
func parse(r io.Reader) (all []result, err error) {
	type outcome struct {
		Text string `xml:",chardata"`
	}
	var doc struct {
		Suites []struct {
			Cases []struct {
				Package   string   `xml:"package,attr"`
				ClassName string   `xml:"classname,attr"`
				Failure   *outcome `xml:"failure"`
				Error     *outcome `xml:"error"`
				Skipped   *outcome `xml:"skipped"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	d := xml.NewDecoder(r)
	d.Strict = false // texts in it are not escaped
	if err := d.Decode(&doc); err != nil {
		return nil, fmt.Errorf("h2spec's report: %w", err)
	}
	for _, s := range doc.Suites {
		for _, c := range s.Cases {
			one := result{section: c.Package, name: c.ClassName, skipped: c.Skipped != nil}
			for _, o := range []*outcome{c.Failure, c.Error} {
				if o != nil {
					one.failed, one.problem = true, strings.TrimSpace(o.Text)
				}
			}
			all = append(all, one)
		}
	}
	return all, nil
}

package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A report is how all cases went over one transport.
type report struct {
	transport string
	results   []result
}

// An exclusion is a case that may fail, over every transport.
type exclusion struct {
	section, name string // as in result
	why           string
}

var (
	errFailed  = errors.New("a case failed")
	errSkipped = errors.New("a case was skipped")
	errFew     = errors.New("cases are missing")
	errStale   = errors.New("an excluded case passes everywhere")
	errWhy     = errors.New("an exclusion has no reason")
)

// judge returns an error unless at least so many cases ran over each transport
// and all passed that are not excluded.
func judge(reports []report, exclusions []exclusion, least int) error {
	var errs []error
	needed := make([]bool, len(exclusions))
	for _, r := range reports {
		if n := len(r.results); n < least {
			errs = append(errs, fmt.Errorf("%s: %w: %d of %d ran", r.transport, errFew, n, least))
		}
		for _, c := range r.results {
			if !c.failed && !c.skipped {
				continue
			}
			if i := slices.IndexFunc(exclusions, func(e exclusion) bool { return e.section == c.section && e.name == c.name }); i >= 0 {
				needed[i] = true
				continue
			}
			err := errFailed
			if c.skipped {
				err = errSkipped
			}
			errs = append(errs, fmt.Errorf("%s: %w: %s: %s\n\t%s", r.transport, err, c.section, c.name, strings.ReplaceAll(c.problem, "\n", "\n\t")))
		}
	}
	for i, e := range exclusions {
		switch {
		case e.why == "":
			errs = append(errs, fmt.Errorf("%w: %s: %s", errWhy, e.section, e.name))
		case !needed[i]:
			errs = append(errs, fmt.Errorf("%w: %s: %s", errStale, e.section, e.name))
		}
	}
	return errors.Join(errs...)
}

// table has a line a section: over each transport how many cases passed.
func table(reports []report) string {
	type count struct{ passed, all int }
	var sections []string
	counts := map[string][]count{}
	totals := make([]count, len(reports))
	for i, r := range reports {
		for _, c := range r.results {
			if counts[c.section] == nil {
				sections = append(sections, c.section)
				counts[c.section] = make([]count, len(reports))
			}
			passed := 1
			if c.failed || c.skipped {
				passed = 0
			}
			for _, n := range []*count{&counts[c.section][i], &totals[i]} {
				n.all++
				n.passed += passed
			}
		}
	}
	var b strings.Builder
	line := func(name string, counts []count) {
		fmt.Fprintf(&b, "%-16s", name)
		for _, n := range counts {
			fmt.Fprintf(&b, "%10s", fmt.Sprintf("%d/%d", n.passed, n.all))
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "%-16s", "section")
	for _, r := range reports {
		fmt.Fprintf(&b, "%10s", r.transport)
	}
	b.WriteString("\n")
	for _, s := range sections {
		line(s, counts[s])
	}
	line("all", totals)
	return b.String()
}

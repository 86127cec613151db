package main

import (
	"errors"
	"strings"
	"testing"
)

const sample = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="6.8. GOAWAY" package="http2/6.8" id="6.8" tests="3" skipped="1" failures="0" errors="1">
    <testcase package="http2/6.8" classname="Sends a GOAWAY frame" time="0.0003"></testcase>
    <testcase package="http2/6.8" classname="Sends another" time="2.0003">
      <error>GOAWAY Frame (Error Code: PROTOCOL_ERROR)
Timeout & such</error>
    </testcase>
    <testcase package="http2/6.8" classname="Sends none" time="0.0003"><skipped></skipped></testcase>
  </testsuite>
  <testsuite name="6.9. WINDOW_UPDATE" package="http2/6.9" id="6.9" tests="1" skipped="0" failures="1" errors="0">
    <testcase package="http2/6.9" classname="Sends zero" time="0.0003"><failure>Expect: x</failure></testcase>
  </testsuite>
</testsuites>`

func sampleReports(t *testing.T) []report {
	t.Helper()
	all, err := parse(strings.NewReader(sample))
	if err != nil {
		t.Fatal(err)
	}
	return []report{{"TLS", all}, {"clear", all[:1]}}
}

func TestParse(t *testing.T) {
	all := sampleReports(t)[0].results
	if len(all) != 4 || all[0].failed || !all[1].failed || !all[2].skipped || !all[3].failed {
		t.Errorf("got %+v", all)
	}
	if all[1].section != "http2/6.8" || all[1].name != "Sends another" || !strings.HasSuffix(all[1].problem, "Timeout & such") {
		t.Errorf("got %+v", all[1])
	}
	if _, err := parse(strings.NewReader("<testsuites>")); err == nil {
		t.Error("half a report was read")
	}
}

func TestJudge(t *testing.T) {
	reports := sampleReports(t)
	all := []exclusion{{"http2/6.8", "Sends another", "because"}, {"http2/6.8", "Sends none", "because"}, {"http2/6.9", "Sends zero", "because"}}
	for _, c := range []struct {
		name       string
		reports    []report
		exclusions []exclusion
		least      int
		want       []error // none: it passes
	}{
		{"all passed", []report{reports[1]}, nil, 1, nil},
		{"all that failed is excluded", reports, all, 1, nil},
		{"nothing is excluded", reports, nil, 1, []error{errFailed, errSkipped}},
		{"too few over one", reports, all, 4, []error{errFew}},
		{"nothing ran", []report{{"TLS", nil}}, nil, 1, []error{errFew}},
		{"excluded without need", []report{reports[1]}, all[:1], 1, []error{errStale}},
		{"excluded without a reason", reports, []exclusion{all[0], all[1], {"http2/6.9", "Sends zero", ""}}, 1, []error{errWhy}},
		{"the case of another section", reports, []exclusion{all[0], all[1], {"http2/6.8", "Sends zero", "because"}}, 1, []error{errFailed, errStale}},
	} {
		err := judge(c.reports, c.exclusions, c.least)
		if c.want == nil && err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		for _, want := range c.want {
			if !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", c.name, err, want)
			}
		}
	}
}

func TestTable(t *testing.T) {
	want := "section                TLS     clear\n" +
		"http2/6.8              1/3       1/1\n" +
		"http2/6.9              0/1       0/0\n" +
		"all                    1/4       1/1\n"
	if got := table(sampleReports(t)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

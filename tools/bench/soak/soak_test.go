package main

import (
	"strings"
	"testing"
)

// steady is a hundred samples around a level, each measure wobbling.
func steady() (all []sample) {
	for i := range 100 {
		wobble := int64(i % 7)
		all = append(all, sample{Descriptors: 200 + wobble, Threads: 10 + wobble%2, Goroutines: 100 + wobble, RSS: 50<<20 + wobble, Heap: 10<<20 + wobble})
	}
	return all
}

func TestJudge(t *testing.T) {
	idle := sample{Descriptors: 10, Goroutines: 8, Heap: 1 << 20}
	for _, c := range []struct {
		name   string
		change func(i int, s *sample)
		after  func(s *sample)
		words  []string // in the findings; none: flat
	}{
		{name: "steady"},
		{name: "warm-up only", change: func(i int, s *sample) {
			if i < 20 {
				s.RSS /= 4
			}
		}},
		{name: "a descriptor a sample", change: func(i int, s *sample) { s.Descriptors += 2 * int64(i) }, words: []string{"descriptors", "GROWS"}},
		{name: "threads", change: func(i int, s *sample) { s.Threads += int64(i) / 4 }, words: []string{"threads", "GROWS"}},
		{name: "no state", change: func(i int, s *sample) { s.Goroutines, s.Heap = 0, 0 }, after: func(s *sample) { s.Goroutines, s.Heap = 0, 0 }},
		{name: "goroutines", change: func(i int, s *sample) { s.Goroutines += 2 * int64(i) }, words: []string{"goroutines", "GROWS"}},
		{name: "memory", change: func(i int, s *sample) { s.RSS += int64(i) << 19 }, words: []string{"RSS", "GROWS"}},
		{name: "a peak in the middle", change: func(i int, s *sample) {
			if i > 55 && i < 65 {
				s.RSS *= 3
			}
		}},
		{name: "left over", after: func(s *sample) { s.Descriptors += 5 }, words: []string{"descriptors", "LEFT OVER"}},
		{name: "a few left", after: func(s *sample) { s.Descriptors += 4 }},
	} {
		samples, after := steady(), idle
		for i := range samples {
			if c.change != nil {
				c.change(i, &samples[i])
			}
		}
		if c.after != nil {
			c.after(&after)
		}
		findings, flat := judge(idle, after, samples)
		if flat != (c.words == nil) {
			t.Errorf("%s: flat = %v:\n%s", c.name, flat, findings)
		}
		if c.words == nil {
			continue
		}
		for line := range strings.Lines(findings) {
			if strings.HasPrefix(line, c.words[0]) != strings.Contains(line, c.words[1]) {
				t.Errorf("%s: %s", c.name, line)
			}
		}
	}
}

// Every measure has a line, but those that a server does not tell.
func TestJudge_lines(t *testing.T) {
	samples := steady()
	all, _ := judge(sample{}, sample{}, samples)
	for i := range samples {
		samples[i].Goroutines, samples[i].Heap = 0, 0
	}
	some, _ := judge(sample{}, sample{}, samples)
	if n, m := strings.Count(all, "\n"), strings.Count(some, "\n"); n != 5 || m != 3 || strings.Contains(some, "goroutines") {
		t.Errorf("%d and %d lines, want 5 and 3:\n%s", n, m, some)
	}
}

func TestJudge_tooFew(t *testing.T) {
	if _, flat := judge(sample{}, sample{}, steady()[:2]); flat {
		t.Error("two samples were judged flat")
	}
}

package main

import (
	"fmt"
	"slices"
	"strings"
)

// A measure is one column of the samples, and what counts as flat.
type measure struct {
	name  string
	of    func(sample) int64
	slack int64 // beyond a tenth; load goes up and down by that much
	left  int64 // how much more than before may be left when all is quiet; negative: not judged
}

var measures = []measure{
	{"descriptors", func(s sample) int64 { return s.Descriptors }, 32, 4},
	{"threads", func(s sample) int64 { return s.Threads }, 8, -1},
	{"goroutines", func(s sample) int64 { return s.Goroutines }, 32, 8},
	{"RSS", func(s sample) int64 { return s.RSS }, 8 << 20, -1},
	{"heap", func(s sample) int64 { return s.Heap }, 8 << 20, 4 << 20},
}

// judge says for each measure how it went under load, without the first
// fifth, and what was left of it after. Flat means that the median of the last
// third is at most a tenth and the slack above that of the first third.
func judge(before, after sample, samples []sample) (findings string, flat bool) {
	samples = samples[len(samples)/5:]
	third := len(samples) / 3
	if third == 0 {
		return "too few samples to judge\n", false
	}
	var b strings.Builder
	flat = true
	for _, m := range measures {
		first, last := m.median(samples[:third]), m.median(samples[len(samples)-third:])
		if first == 0 && last == 0 {
			continue // the server does not tell
		}
		word := "flat"
		if last > first+first/10+m.slack {
			word, flat = "GROWS", false
		}
		fmt.Fprintf(&b, "%-12s %d at first, %d at last: %s", m.name, first, last, word)
		if was, is := m.of(before), m.of(after); m.left >= 0 {
			word = "nothing left"
			if is > was+m.left {
				word, flat = "LEFT OVER", false
			}
			fmt.Fprintf(&b, "; idle %d before, %d after: %s", was, is, word)
		}
		b.WriteString("\n")
	}
	return b.String(), flat
}

func (m measure) median(samples []sample) int64 {
	v := make([]int64, len(samples))
	for i, s := range samples {
		v[i] = m.of(s)
	}
	slices.Sort(v)
	return v[len(v)/2]
}

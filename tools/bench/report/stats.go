package report

import (
	"math"
	"slices"
)

// median returns the middle of the values, NaN when there are none.
func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	v = slices.Sorted(slices.Values(v))
	n := len(v)
	return (v[(n-1)/2] + v[n/2]) / 2
}

// A summary is one server's trials of one row.
type summary struct {
	server      string
	state, note string  // of the last trial that was not measured or has a note
	figure      float64 // median; NaN when nothing was measured
	low, high   float64 // spread of the figure; other programs only add to it, so low has least of them; NaN like figure
	rate        float64 // medians of the rest
	p50, p99    float64 // µs
	rss         float64 // bytes
	errors      int64   // sum
	byRound     map[int]float64
	p99ByRound  map[int]float64
}

// summarize returns the summary of each of the servers that has trials in a row.
func summarize(trials []Trial, row string, servers []string) []summary {
	var all []summary
	for _, server := range servers {
		s := summary{server: server, byRound: map[int]float64{}, p99ByRound: map[int]float64{}}
		var figure, rate, p50, p99, rss []float64
		for _, t := range trials {
			if t.Row != row || t.Server != server {
				continue
			}
			s.errors += t.Errors
			if t.State != Measured || s.note == "" {
				s.state, s.note = t.State, t.Note
			}
			if t.State != Measured {
				continue
			}
			s.byRound[t.Round], s.p99ByRound[t.Round] = t.Figure, float64(t.P99.Microseconds())
			figure = append(figure, t.Figure)
			rate = append(rate, t.Rate)
			p50 = append(p50, float64(t.P50.Microseconds()))
			p99 = append(p99, float64(t.P99.Microseconds()))
			rss = append(rss, float64(t.RSS))
		}
		if s.state == "" {
			continue // the row does not apply to this server
		}
		s.figure, s.rate, s.p50, s.p99, s.rss = median(figure), median(rate), median(p50), median(p99), median(rss)
		s.low, s.high = math.NaN(), math.NaN()
		if len(figure) > 0 {
			s.low, s.high = slices.Min(figure), slices.Max(figure)
		}
		all = append(all, s)
	}
	return all
}

// ratio returns the median over the rounds of ours/its: paired, so that a
// neighbour's noise, which lasts longer than a trial, falls on both. NaN when
// no round has both.
func ratio(ours, its map[int]float64) float64 {
	var r []float64
	for round, a := range ours {
		if b := its[round]; b > 0 {
			r = append(r, a/b)
		}
	}
	return median(r)
}

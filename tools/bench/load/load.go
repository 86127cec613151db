// Package load drives servers and measures what they took: wrk for plain
// throughput, and its own closed-loop clients for what wrk cannot do:
// connections that are all open before the measuring begins (KeepAlive), the
// same with a file chosen at random each time (Random), idle connections
// (Idle) and event streams (Stream).
//
// Every client checks the answers: a status other than 200, a body of another
// length, a connection that failed or an event that came late is an error, and
// errors are counted, not retried.
package load

import (
	"slices"
	"time"

	"github.com/hyperion-server/hyperion/tools/bench/proc"
)

// A Result is what one run of a load measured.
type Result struct {
	Requests int64         // answered right (Stream: events; Idle: connections)
	Errors   int64         // see the package comment
	Problem  string        // the first error, in words
	Elapsed  time.Duration // of the measured part
	CPU      time.Duration // used by the server's processes in it
	P50, P99 time.Duration // of the latency
	RSS      int64         // bytes, of the server's processes at the end
	Growth   int64         // bytes, how much RSS is above that at the beginning
	Bytes    int64         // received, heads too; with wrk, to four digits; 0: not counted
	Note     string        // what a reader of the figures should know
}

// meter takes the server's figures at the two ends of a run.
type meter struct {
	pids  []int
	start time.Time
	cpu   time.Duration
	rss   int64
}

func startMeter(pids []int) (m meter, err error) {
	m.pids = pids
	if m.rss, err = proc.RSS(pids); err != nil {
		return m, err
	}
	m.cpu, err = proc.CPU(pids)
	m.start = time.Now()
	return m, err
}

func (m meter) stop(r *Result) (err error) {
	r.Elapsed = time.Since(m.start)
	cpu, err := proc.CPU(m.pids)
	if err != nil {
		return err
	}
	r.CPU = cpu - m.cpu
	if r.RSS, err = proc.RSS(m.pids); err != nil {
		return err
	}
	r.Growth = r.RSS - m.rss
	return nil
}

// latencies collects one value a request, in microseconds.
type latencies []uint32

func (l *latencies) add(d time.Duration) { *l = append(*l, uint32(d.Microseconds())) }

// percentiles sorts the values and sets P50 and P99: the smallest value that
// at least that share of all values does not exceed.
func (l latencies) percentiles(r *Result) {
	if len(l) == 0 {
		return
	}
	slices.Sort(l)
	at := func(percent int) time.Duration {
		i := (len(l)*percent + 99) / 100
		return time.Duration(l[i-1]) * time.Microsecond
	}
	r.P50, r.P99 = at(50), at(99)
}

// fail counts an error and keeps the first one's words.
func (r *Result) fail(err error) {
	r.Errors++
	if r.Problem == "" {
		r.Problem = err.Error()
	}
}

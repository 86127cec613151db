package load

import (
	"context"
	"slices"
	"time"
)

// Cold makes n connections, one after the other, each with one GET. A request
// is a connection; its latency is from the beginning of connecting to the first
// byte of the answer, and P99 is the slowest of all.
func Cold(ctx context.Context, t Target, n int, pids []int) (Result, error) {
	for range 3 { // the server's first ones are not those of a server that runs
		if _, err := cold(t); err != nil {
			return Result{}, err
		}
	}
	m, err := startMeter(pids)
	if err != nil {
		return Result{}, err
	}
	var r Result
	var taken latencies
	for range n {
		if err := ctx.Err(); err != nil {
			return Result{}, err
		}
		d, err := cold(t)
		if err != nil {
			r.fail(err)
			continue
		}
		r.Requests++
		taken.add(d)
	}
	if err := m.stop(&r); err != nil || len(taken) == 0 {
		return r, err
	}
	taken.percentiles(&r)
	r.P99 = time.Duration(slices.Max(taken)) * time.Microsecond
	return r, nil
}

func cold(t Target) (time.Duration, error) {
	began := time.Now()
	c, err := dialProtocol(t)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	first, err := firstGet(c, t)
	return first.Sub(began), err
}

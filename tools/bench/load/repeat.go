package load

import (
	"context"
	"sync"
	"time"
)

// Repeat has n workers call do, each one call after the other, and measures
// for the duration after a warm-up. A request is a call; one that fails is an
// error, and its worker goes on.
func Repeat(ctx context.Context, n int, warm, duration time.Duration, pids []int, do func(ctx context.Context, worker int) error) (Result, error) {
	s := repeats{measure: make(chan struct{}), stop: make(chan struct{})}
	var running sync.WaitGroup
	stop := sync.OnceFunc(func() { close(s.stop) })
	defer running.Wait()
	defer stop()
	for i := range n {
		running.Go(func() { s.work(func() error { return do(ctx, i) }) })
	}
	r, err := measured(ctx, warm, duration, pids, func() { close(s.measure) }, stop)
	if err != nil {
		return Result{}, err
	}
	running.Wait()
	r.Requests, r.Errors, r.Problem = int64(len(s.taken)), s.result.Errors, s.result.Problem
	s.taken.percentiles(&r)
	return r, nil
}

// repeats is what the workers of one Repeat have in common.
type repeats struct {
	measure, stop chan struct{} // closed when counting begins and ends

	mu     sync.Mutex // guards what follows
	taken  latencies
	result Result
}

// work calls do until stop, then adds what this worker counted: calls that
// ended while it was measured.
func (s *repeats) work(do func() error) {
	var taken latencies
	var result Result
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.taken = append(s.taken, taken...)
		s.result.Errors += result.Errors
		if s.result.Problem == "" {
			s.result.Problem = result.Problem
		}
	}()
	for {
		began := time.Now()
		err := do()
		select {
		case <-s.stop:
			return
		default:
		}
		if err != nil { // of the warm-up, too
			result.fail(err)
			continue
		}
		select {
		case <-s.measure:
			taken.add(time.Since(began))
		default:
		}
	}
}

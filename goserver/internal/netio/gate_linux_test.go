package netio

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

// Every event that is announced while or before somebody waits ends the wait.
func TestGateLosesNoWake(t *testing.T) {
	var g gate
	var produced atomic.Int64
	const n = 20000
	var wg sync.WaitGroup
	wg.Go(func() {
		for range n {
			produced.Add(1)
			g.wake()
		}
	})
	for seen := int64(0); seen < n; {
		if now := produced.Load(); now > seen {
			seen = now
			continue
		}
		if err := g.wait(func() error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
}

func TestGateStop(t *testing.T) {
	var g gate
	var stopped atomic.Bool
	errStop := errors.New("stop")
	stop := func() error {
		if stopped.Load() {
			return errStop
		}
		return nil
	}
	for range 2000 {
		stopped.Store(false)
		g.state.Store(nil)
		var wg sync.WaitGroup
		wg.Go(func() {
			stopped.Store(true)
			g.wake()
		})
		for {
			if err := g.wait(stop); err == errStop {
				break
			}
		}
		wg.Wait()
	}
}

// Of all that find a parked connection only one gets it.
func TestGateParkHasOneTaker(t *testing.T) {
	for range 2000 {
		var g gate
		if !g.park() {
			t.Fatal("a fresh gate did not park")
		}
		var taken atomic.Int64
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if g.wake() {
					taken.Add(1)
				}
			})
		}
		wg.Wait()
		if taken.Load() != 1 {
			t.Fatalf("%d takers", taken.Load())
		}
		if g.park() {
			t.Fatal("parked although two wakes were not seen")
		}
	}
}

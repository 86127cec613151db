package netio

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// Acceptors that wait for room are all told of it: the one that hears first
// may have nobody to accept.
func TestMaxConns_twoListeners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := New(Config{Clock: NewClock(), MaxConns: 1})
		e.opened()
		e.opened() // by a listener that had been admitted before
		var admitted atomic.Int32
		for range 3 {
			go func() {
				if e.admit(context.Background()) == nil {
					admitted.Add(1)
				}
			}()
			synctest.Wait()
		}
		e.closed()
		synctest.Wait()
		if n := admitted.Load(); n != 0 {
			t.Errorf("%d admitted, want none yet", n)
		}
		e.closed()
		synctest.Wait()
		if n := admitted.Load(); n != 3 {
			t.Errorf("%d admitted, want 3", n)
		}
	})
}

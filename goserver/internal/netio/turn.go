package netio

import "sync/atomic"

// A turn lets the goroutines of the pool share a job that consists of waiting
// for something and then serving it. One of them at a time has the turn and
// waits. It gives the turn up before it serves what came, and takes it again
// afterwards: nothing is switched. Before it may block, it calls another: that
// one runs when the first blocks, or beside it on an idle processor, and takes
// the turn in its place. Whoever released the turn last is responsible until
// somebody takes it; callNext hands that on, so that once is enough for what
// is served in one go. The call is paid once for many short pieces of work, since
// who is called runs only then.
type turn struct {
	workers *workers
	job     job
	taken   atomic.Bool
	called  atomic.Bool // another goroutine was called and has not come yet
}

// come is what a called goroutine does first: whoever saw it called relies on a
// take that is still to come.
func (t *turn) come() { t.called.Store(false) }

// take takes the turn; it fails when another goroutine has it. Then there is
// nothing to do: the other will call.
func (t *turn) take() bool { return t.taken.CompareAndSwap(false, true) }

func (t *turn) release() { t.taken.Store(false) }

// callNext makes sure that another goroutine has the turn or comes for it.
func (t *turn) callNext() {
	if !t.taken.Load() && !t.called.Load() && t.called.CompareAndSwap(false, true) {
		t.workers.do(t.job)
	}
}

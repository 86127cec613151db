package netio

import (
	"sync"
	"time"
)

// workerIdle is how long a goroutine of the pool waits for its next connection
// before it ends. Long enough to keep stacks warm between bursts.
const workerIdle = 10 * time.Second

// A job is what a goroutine of the pool does next, with its session.
type job interface{ work(Session) }

// workers is the goroutine pool. The last goroutine to go idle is the first to
// work again: its stack and buffers are the warmest, and those at the bottom
// of the stack end when the load falls.
type workers struct {
	clock      *Clock
	newSession func() Session
	mu         sync.Mutex
	idle       []*worker
	stopped    bool
}

type worker struct {
	next  chan job // holds one, so that a hand-over never waits; nil ends the worker
	since time.Duration
}

// do has a goroutine do j. It never blocks.
func (p *workers) do(j job) {
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		w := p.idle[n-1]
		p.idle[n-1] = nil
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		w.next <- j
		return
	}
	p.mu.Unlock()
	go p.run(&worker{next: make(chan job, 1)}, j)
}

func (p *workers) run(w *worker, j job) {
	s := p.newSession()
	defer s.Retire() // also when a handler ends the goroutine (runtime.Goexit)
	for j != nil {
		j.work(s)
		if !p.release(w) {
			return
		}
		j = <-w.next
	}
}

// release puts an idle worker on the stack, unless the pool has stopped.
func (p *workers) release(w *worker) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return false
	}
	w.since = p.clock.Now()
	p.idle = append(p.idle, w)
	return true
}

// trim ends the workers that were idle for too long: those at the bottom.
func (p *workers) trim(now time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for n < len(p.idle) && now-p.idle[n].since > workerIdle {
		p.idle[n].next <- nil
		n++
	}
	if n > 0 {
		rest := copy(p.idle, p.idle[n:])
		clear(p.idle[rest:])
		p.idle = p.idle[:rest]
	}
}

func (p *workers) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	for i, w := range p.idle {
		w.next <- nil
		p.idle[i] = nil
	}
	p.idle = nil
}

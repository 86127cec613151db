package netio

import (
	"sync"
	"time"
)

// workerIdle is how long a goroutine of the pool waits for its next connection
// before it ends. Long enough to keep stacks warm between bursts.
const workerIdle = 10 * time.Second

// workers is the goroutine pool. The last goroutine to go idle is the first to
// work again: its stack and buffers are the warmest, and those at the bottom
// of the stack end when the load falls.
type workers struct {
	clock      *Clock
	newSession func() Session
	mu         sync.Mutex
	idle       []*worker
	alive      int // goroutines of the pool, idle or not
	stopped    bool
}

type worker struct {
	next  chan Conn // holds one, so that a hand-over never waits; nil ends the worker
	since time.Duration
}

// serve hands c to a goroutine. It never blocks.
func (p *workers) serve(c Conn) {
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		w := p.idle[n-1]
		p.idle[n-1] = nil
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		w.next <- c
		return
	}
	p.alive++
	p.mu.Unlock()
	w := &worker{next: make(chan Conn, 1)}
	go p.run(w, c)
}

func (p *workers) run(w *worker, c Conn) {
	s := p.newSession()
	defer func() { // also when a handler ends the goroutine (runtime.Goexit)
		s.Retire()
		p.mu.Lock()
		p.alive--
		p.mu.Unlock()
	}()
	for c != nil {
		s.Serve(c)
		if !p.release(w) {
			return
		}
		c = <-w.next
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

// busy returns how many connections are being served.
func (p *workers) busy() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return int64(p.alive - len(p.idle))
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

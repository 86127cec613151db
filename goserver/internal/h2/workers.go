package h2

import (
	"sync"
	"time"
)

// workerIdle is how long a goroutine of the pool waits for work before it ends,
// and half of it at least.
const workerIdle = 10 * time.Second

// workers is a pool of goroutines. The last to go idle is the first to work
// again: its stack is the warmest.
type workers struct {
	mu      sync.Mutex
	idle    []*worker
	low     int // the least that were idle at once since the last trim
	timer   *time.Timer
	stopped bool
}

// A job is what a goroutine of the pool does.
type job interface{ work() }

type worker struct{ next chan job }

// do has a goroutine do j. It never waits.
func (p *workers) do(j job) {
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		w := p.idle[n-1]
		p.idle[n-1] = nil
		p.idle = p.idle[:n-1]
		p.low = min(p.low, n-1)
		p.mu.Unlock()
		w.next <- j
		return
	}
	p.mu.Unlock()
	go p.run(&worker{next: make(chan job, 1)}, j)
}

func (p *workers) run(w *worker, j job) {
	for j != nil {
		j.work()
		if !p.release(w) {
			return
		}
		j = <-w.next
	}
}

func (p *workers) release(w *worker) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return false
	}
	p.idle = append(p.idle, w)
	if p.timer == nil {
		p.low = 0
		p.timer = time.AfterFunc(workerIdle, p.trim)
	}
	return true
}

// trim ends the goroutines that had nothing to do since the last trim.
func (p *workers) trim() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return
	}
	for _, w := range p.idle[:p.low] {
		w.next <- nil
	}
	rest := copy(p.idle, p.idle[p.low:])
	clear(p.idle[rest:])
	p.idle = p.idle[:rest]
	if p.low = rest; rest > 0 {
		p.timer.Reset(workerIdle)
	} else {
		p.timer = nil
	}
}

// stop ends the idle goroutines, and the others when they have finished.
func (p *workers) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	if p.timer != nil {
		p.timer.Stop()
	}
	for _, w := range p.idle {
		w.next <- nil
	}
	p.idle = nil
}

package ws

import (
	"context"
	"sync"
	"time"

	"github.com/hyperion-server/hyperion/wsframe"
)

// An Engine knows the open connections of one server. Its methods may be called from any
// goroutine.
type Engine struct {
	env Environment

	mu    sync.Mutex
	first *Conn
	open  int
	shut  bool
	empty chan struct{} // closed when none is open; made by Shutdown

	routes sync.Map // of *RouteStats, by name
}

// NewEngine returns an Engine without connections.
func NewEngine(env Environment) *Engine { return &Engine{env: env} }

// Route returns the counts of a route, which has a name of the program's choice: there is
// no bound on how many there are.
func (e *Engine) Route(name string) *RouteStats {
	if s, ok := e.routes.Load(name); ok {
		return s.(*RouteStats)
	}
	s, _ := e.routes.LoadOrStore(name, &RouteStats{engine: e})
	return s.(*RouteStats)
}

// Routes yields the counts of all routes that were upgraded.
func (e *Engine) Routes(yield func(name string, s *RouteStats) bool) {
	e.routes.Range(func(name, s any) bool { return yield(name.(string), s.(*RouteStats)) })
}

// Open returns how many connections are open.
func (e *Engine) Open() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.open
}

// add enters c. It reports false if the engine has been shut down: then c is to be closed.
func (e *Engine) add(c *Conn) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if c.next = e.first; c.next != nil {
		c.next.prev = c
	}
	e.first = c
	e.open++
	return !e.shut
}

func (e *Engine) remove(c *Conn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		e.first = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	}
	c.prev, c.next = nil, nil
	if e.open--; e.open == 0 && e.empty != nil {
		close(e.empty)
		e.empty = nil
	}
}

// all returns the open connections.
func (e *Engine) all() []*Conn {
	e.mu.Lock()
	defer e.mu.Unlock()
	conns := make([]*Conn, 0, e.open)
	for c := e.first; c != nil; c = c.next {
		conns = append(conns, c)
	}
	return conns
}

// shutStep is how often connections are closed while a Shutdown spreads them.
const shutStep = 10 * time.Millisecond

// Shutdown closes all connections with 1001 (Going Away), evenly spread over a time
// so that their peers do not all come back at once, and waits until they have
// ended, with their callbacks. New ones are closed at once. When ctx is done it aborts those left,
// and returns why.
func (e *Engine) Shutdown(ctx context.Context, spread time.Duration) error {
	e.mu.Lock()
	e.shut = true
	var empty chan struct{}
	if e.open > 0 {
		if e.empty == nil {
			e.empty = make(chan struct{})
		}
		empty = e.empty
	}
	e.mu.Unlock()
	if empty == nil {
		return nil
	}
	err := e.closeAll(ctx, spread)
	if err == nil {
		select {
		case <-empty:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	}
	if err != nil {
		e.Abort()
	}
	return err
}

// closeAll begins the closing handshake of all connections.
func (e *Engine) closeAll(ctx context.Context, spread time.Duration) error {
	conns := e.all()
	steps := max(int(spread/shutStep), 1)
	tick := time.NewTicker(shutStep)
	defer tick.Stop()
	for step := range steps {
		for _, c := range conns[len(conns)*step/steps : len(conns)*(step+1)/steps] {
			c.startClose(wsframe.CloseGoingAway, "server is shutting down")
		}
		if step == steps-1 {
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// Abort cuts all connections off. New ones are closed at once.
func (e *Engine) Abort() {
	e.mu.Lock()
	e.shut = true
	e.mu.Unlock()
	for _, c := range e.all() {
		c.Abort()
	}
}

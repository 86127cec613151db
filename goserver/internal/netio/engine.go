package netio

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Config says what an Engine runs. It must not change after New.
type Config struct {
	Clock      *Clock         // moved by this engine alone
	NewSession func() Session // called for each goroutine of the pool

	// Expired is called for each parked connection that the engine closes:
	// its idle expiry passed or the engine was told to close it.
	Expired func(Conn)

	FirstByte time.Duration // how long a new connection may send nothing; 0: no limit
	TLS       TLS           // for ServeTLS
	MaxConns  int           // open connections at most; 0: no limit
}

// An Engine owns the connections of one server. Its methods may be called from
// any goroutine.
type Engine struct {
	clock    *Clock
	cfg      Config
	workers  workers
	conns    atomic.Int64
	total    atomic.Int64
	aborting atomic.Bool
	stopping atomic.Bool
	stopOnce sync.Once
	stopped  atomic.Pointer[func()]
	room     chan struct{}
	sweeper  sweeper
	plain    plainSet
	tls      tlsCounters
	shakes   bucket // of TLS.HandshakeRate
	epoll    epollSet
}

// New makes an Engine; it owns nothing until the first Serve.
func New(cfg Config) *Engine {
	e := &Engine{clock: cfg.Clock, cfg: cfg, room: make(chan struct{}, 1)}
	e.shakes.rate = cfg.TLS.HandshakeRate
	e.workers.newSession, e.workers.clock = cfg.NewSession, cfg.Clock
	return e
}

// Conns and Accepted count connections: open, and ever accepted.
func (e *Engine) Conns() int64    { return e.conns.Load() }
func (e *Engine) Accepted() int64 { return e.total.Load() }

// Parked counts the connections that no goroutine serves. It looks at each.
func (e *Engine) Parked() (n int64) {
	e.eachConn(func(c engineConn) {
		if c.isParked() {
			n++
		}
	})
	return n
}

// Serve accepts connections from l until accepting fails or ctx is done, and
// returns the reason. It does not close l. accepted is called for each
// connection, from the accepting goroutine, before anything is read of it.
func (e *Engine) Serve(ctx context.Context, l net.Listener, accepted func(Conn)) error {
	e.sweeper.start(e)
	if served, err := e.serveEpoll(ctx, l, nil, accepted); served {
		return err
	}
	return e.servePlain(ctx, l, accepted)
}

// CloseIdle closes the connections that have been parked for at least idle,
// unless a request waits to be read. It is to be called again until all are gone.
func (e *Engine) CloseIdle(idle time.Duration) {
	e.eachConn(func(c engineConn) { c.expire(idle) })
}

// AbortAll closes the parked connections and aborts the others, now and
// from now on.
func (e *Engine) AbortAll() {
	e.aborting.Store(true)
	e.eachConn(func(c engineConn) { c.Abort() })
}

// StopWhenEmpty ends the sweeper, the pollers and the idle goroutines of the
// pool once no connection is left, and then calls stopped. No Serve may run, or
// start later. Only the first call counts.
func (e *Engine) StopWhenEmpty(stopped func()) {
	e.stopped.CompareAndSwap(nil, &stopped)
	e.stopping.Store(true)
	if e.conns.Load() == 0 {
		e.stop()
	}
}

func (e *Engine) stop() {
	e.stopOnce.Do(func() {
		e.sweeper.stop()
		e.workers.stop()
		e.stopEpoll()
		(*e.stopped.Load())()
	})
}

// engineConn is what the engine needs of both kinds of connection.
type engineConn interface {
	Conn
	expire(idle time.Duration) // close it if it is parked, for idle at least
	isParked() bool
}

func (e *Engine) eachConn(f func(engineConn)) {
	e.eachEpoll(f)
	e.plain.each(f)
}

// admit waits while MaxConns are open. Each listener can be admitted for the
// last place, so that there may be more by the number of listeners less one.
func (e *Engine) admit(ctx context.Context) error {
	for e.cfg.MaxConns > 0 && e.conns.Load() >= int64(e.cfg.MaxConns) {
		select {
		case <-e.room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		e.tellRoom() // another listener's acceptor may be waiting as well
	}
	return nil
}

// pauseAccept waits a moment after accepting failed for want of descriptors or
// memory, which others may give back.
func pauseAccept(ctx context.Context) {
	select {
	case <-time.After(50 * time.Millisecond):
	case <-ctx.Done():
	}
}

// tellRoom wakes an acceptor that waits while MaxConns are open, if some are not.
func (e *Engine) tellRoom() {
	if e.conns.Load() >= int64(e.cfg.MaxConns) {
		return
	}
	select {
	case e.room <- struct{}{}:
	default:
	}
}

func (e *Engine) opened() {
	e.conns.Add(1)
	e.total.Add(1)
}

func (e *Engine) closed() {
	if e.conns.Add(-1) == 0 && e.stopping.Load() {
		go e.stop() // not here: a poller may be the caller
	}
	e.tellRoom()
}

// sweeper runs the coarse clock and the expiries.
type sweeper struct {
	mu   sync.Mutex
	quit chan struct{}
	done chan struct{}
}

func (s *sweeper) start(e *Engine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.quit != nil {
		return
	}
	e.clock.tick(time.Now()) // the clock stood still while no engine ran
	s.quit, s.done = make(chan struct{}), make(chan struct{})
	go s.run(e, s.quit, s.done)
}

func (s *sweeper) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.quit != nil {
		close(s.quit)
		<-s.done
		s.quit = nil
	}
}

func (s *sweeper) run(e *Engine, quit, done chan struct{}) {
	defer close(done)
	t := time.NewTicker(SweepInterval)
	defer t.Stop()
	for {
		select {
		case <-quit:
			return
		case <-t.C:
		}
		e.clock.tick(time.Now())
		now := e.clock.Now()
		e.sweepEpoll(now)
		e.plain.each(func(c engineConn) { c.(*plainConn).sweep(now) })
		e.workers.trim(now)
	}
}

package ws

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/netio"
)

// A wire is a Transport in memory, of which the test is the peer. It holds who uses it
// against the contract: what is called while it is parked, after its end, or by two at once is
// an error of the test.
type wire struct {
	t     *testing.T
	clock *netio.Clock
	serve func() // the Protocol's

	mu      sync.Mutex
	changed sync.Cond

	in    []byte // from the peer
	eof   bool
	chunk int // bytes of a Read at most; 0: all

	out       []byte // to the peer
	room      int    // bytes that it takes; below 0: all
	writeIdle time.Duration
	fin       bool // the server has ended its side

	expiry  time.Duration // of reads
	timer   *time.Timer
	expired bool
	late    []byte // comes in the moment in which a read expires

	parks, parked  bool // whether Next parks, and has
	aborted, ended bool
	failWrites     error
	reading        bool
	writing        bool
	took           []int // bytes of each write
	onWrite        func()
}

func newWire(t *testing.T, clock *netio.Clock, parks bool) *wire {
	w := &wire{t: t, clock: clock, room: -1, parks: parks}
	w.changed.L = &w.mu
	return w
}

// used begins a call of the contract. mu is held.
func (w *wire) used(call string) {
	if w.ended {
		w.t.Errorf("%s after End", call)
	}
	if w.parked && call != "WriteIdle" {
		w.t.Errorf("%s while parked", call)
	}
}

// stopped tells why nothing can be read. mu is held.
func (w *wire) stopped() error {
	switch {
	case w.ended:
		return net.ErrClosed
	case w.aborted:
		return netio.ErrAborted
	case w.expired:
		return netio.ErrReadExpired
	}
	return nil
}

// take reads what there is. mu is held.
func (w *wire) take(p []byte) (int, error) {
	if len(w.in) == 0 {
		return 0, io.EOF
	}
	n := len(w.in)
	if w.chunk > 0 {
		n = min(n, w.chunk)
	}
	n = copy(p, w.in[:n])
	w.in = w.in[n:]
	return n, nil
}

func (w *wire) Read(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.used("Read")
	if w.reading {
		w.t.Error("two read at once")
	}
	if len(p) == 0 {
		w.t.Error("a read into nothing")
	}
	w.reading = true
	defer func() { w.reading = false }()
	for {
		if err := w.stopped(); err != nil {
			return 0, err
		}
		if len(w.in) > 0 || w.eof {
			return w.take(p)
		}
		w.changed.Wait()
	}
}

// ReadExpiry has reads fail a little after the coarse clock shows at.
func (w *wire) ReadExpiry(at time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.used("ReadExpiry")
	w.setExpiry(at)
}

func (w *wire) setExpiry(at time.Duration) {
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
	w.expiry, w.expired = at, false
	if at == 0 {
		return
	}
	// As the sweeper: the first tick of the clock at or behind at.
	wait := (at-w.clock.Exact()+netio.SweepInterval-1)/netio.SweepInterval*netio.SweepInterval + time.Millisecond
	w.timer = time.AfterFunc(max(wait, time.Millisecond), func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.expiry == at && !w.ended {
			w.expired = true
			w.in, w.late = append(w.in, w.late...), nil
			w.wake()
		}
	})
}

// wake tells who waits, or serves what is parked, that something has changed. mu is held.
func (w *wire) wake() {
	w.changed.Broadcast()
	if w.parked {
		w.parked = false
		w.setExpiry(0)
		go w.serve()
	}
}

func (w *wire) Next(p []byte, idle time.Duration) (int, bool, error) {
	w.ReadExpiry(idle)
	w.mu.Lock()
	w.used("Next")
	if w.stopped() == nil && len(w.in) == 0 && !w.eof && w.parks {
		w.parked = true
		w.mu.Unlock()
		return 0, true, nil
	}
	w.mu.Unlock()
	n, err := w.Read(p)
	return n, false, err
}

func (w *wire) TryWritev(v ...[]byte) (int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		w.t.Error("TryWritev after End")
	}
	if w.writing {
		w.t.Error("two write at once")
	}
	switch {
	case w.aborted, w.ended:
		return 0, netio.ErrAborted
	case w.failWrites != nil:
		return 0, w.failWrites
	case w.fin:
		w.t.Error("a write behind CloseWrite")
	}
	n := 0
	for _, p := range v {
		m := len(p)
		if w.room >= 0 {
			m = min(m, w.room)
			w.room -= m
		}
		w.out = append(w.out, p[:m]...)
		n += m
	}
	w.took = append(w.took, n)
	if f := w.onWrite; f != nil { // the writer is inside of the transport
		w.writing = true
		w.mu.Unlock()
		f()
		w.mu.Lock()
		w.writing = false
		if w.aborted {
			return int64(n), netio.ErrAborted
		}
	}
	return int64(n), nil
}

func (w *wire) RemoteAddr() net.Addr { return &net.TCPAddr{} }

func (w *wire) CanWrite() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		w.t.Error("CanWrite after End")
	}
	by := time.Now().Add(w.writeIdle)
	if w.writeIdle > 0 {
		stop := time.AfterFunc(w.writeIdle, func() { w.mu.Lock(); w.changed.Broadcast(); w.mu.Unlock() })
		defer stop.Stop()
	}
	for w.room == 0 {
		switch {
		case w.aborted:
			return netio.ErrAborted
		case w.writeIdle > 0 && !time.Now().Before(by):
			return netio.ErrWriteExpired
		}
		w.changed.Wait()
	}
	return nil
}

func (w *wire) WriteIdle(d time.Duration) { w.writeIdle = d }
func (w *wire) MayBlock() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		w.t.Error("MayBlock after End")
	}
}

func (w *wire) CloseWrite() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.used("CloseWrite")
	w.fin = true
	return nil
}

func (w *wire) Abort() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.aborted = true
	w.wake()
}

func (w *wire) End() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.reading || w.writing {
		w.t.Error("End while somebody reads or writes")
	}
	w.used("End")
	w.setExpiry(0)
	w.ended = true
}

// give has the peer send bytes.
func (w *wire) give(p []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.in = append(w.in, p...)
	w.wake()
}

// hangUp has the peer end its side.
func (w *wire) hangUp() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.eof = true
	w.wake()
}

// accept has the peer take n bytes more; below 0: all.
func (w *wire) accept(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n < 0 || w.room < 0 {
		w.room = n
	} else {
		w.room += n
	}
	w.changed.Broadcast()
}

// has tells whether the connection has ended, and is parked.
func (w *wire) has() (ended, parked bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ended, w.parked
}

// A bench has what connections share, inside of a bubble.
type bench struct {
	*testing.T
	engine *Engine
	clock  *netio.Clock
	route  *RouteStats
	logMu  sync.Mutex
	logged []string
}

// bubble runs f in a bubble, with a clock that runs.
func bubble(t *testing.T, f func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		clock := netio.NewClock()
		ticks := netio.New(netio.Config{Clock: clock, NewSession: func() netio.Session { return nil }})
		stop := make(chan struct{})
		served := make(chan struct{})
		go func() {
			ticks.Serve(t.Context(), nobody{stop}, func(netio.Conn) {})
			close(served)
		}()
		b := &bench{T: t, clock: clock}
		b.engine = NewEngine(Environment{Clock: clock, Logf: func(format string, args ...any) {
			b.logMu.Lock()
			defer b.logMu.Unlock()
			b.logged = append(b.logged, fmt.Sprintf(format, args...))
		}})
		b.route = b.engine.Route("test")
		defer func() {
			b.engine.Abort()
			synctest.Wait()
			if n := b.engine.Open(); n != 0 {
				t.Errorf("%d connections are left", n)
			}
			close(stop)
			<-served
			ended := make(chan struct{})
			ticks.StopWhenEmpty(func() { close(ended) })
			<-ended
		}()
		synctest.Wait()
		f(b)
	})
}

// nobody is a listener to which nobody connects.
type nobody struct{ stop chan struct{} }

func (l nobody) Accept() (net.Conn, error) { <-l.stop; return nil, net.ErrClosed }
func (l nobody) Close() error              { return nil }
func (l nobody) Addr() net.Addr            { return &net.TCPAddr{} }

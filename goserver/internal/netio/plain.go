package netio

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// A plainConn is a Conn over any net.Conn: the only kind on systems without
// epoll, and the kind for TLS and in-memory listeners everywhere. It is never
// parked; its goroutine waits in Read.
type plainConn struct {
	net.Conn
	engine      *Engine
	state       any
	remote      netip.AddrPort
	read, write atomic.Int64 // expiries on the coarse clock; 0 none, -1 passed
	writeIdle   time.Duration
	fresh       bool // nothing was read yet: the expiry is that of the first byte
	left        atomic.Bool
	idle        atomic.Bool // waiting between requests: CloseIdle may close it
	idleSince   atomic.Int64
	kept        bool // see KeepParked

	deadlines       sync.Mutex // held where those of the net.Conn are set
	readBy, writeBy time.Time  // as set by SetReadDeadline and SetWriteDeadline
	aborted         atomic.Bool

	gone     goneFunc   // Watch's callback
	reading  sync.Mutex // held by who reads: Read, or the watch
	early    []byte     // read by the watch
	earlyErr error

	try tryQueue // what TryWritev accepted
}

// longAgo is a deadline that makes net.Conn fail waiting calls at once.
var longAgo = time.Unix(1, 0)

// plainSet is the table of the engine's plain connections.
type plainSet struct {
	mu  sync.Mutex
	set map[*plainConn]struct{}
}

func (s *plainSet) each(f func(engineConn)) {
	s.mu.Lock()
	all := make([]*plainConn, 0, len(s.set))
	for c := range s.set {
		all = append(all, c)
	}
	s.mu.Unlock()
	for _, c := range all {
		f(c)
	}
}

func (e *Engine) servePlain(ctx context.Context, l net.Listener, accepted func(Conn)) error {
	stop := context.AfterFunc(ctx, func() { l.Close() }) // nothing else ends Accept
	defer stop()
	for {
		if err := e.admit(ctx); err != nil {
			return err
		}
		nc, err := l.Accept()
		if ctx.Err() != nil {
			if err == nil {
				nc.Close()
			}
			return context.Cause(ctx)
		}
		if err != nil {
			var ne net.Error
			if errors.As(err, &ne) && ne.Timeout() {
				continue
			}
			if isTemporary(err) {
				pauseAccept(ctx)
				continue
			}
			return err
		}
		if _, ok := nc.(*tls.Conn); ok && !e.admitHandshake() {
			nc.(*tls.Conn).NetConn().Close() // not nc, which would wait for a handshake
			continue
		}
		e.servePlainConn(nc, accepted)
	}
}

func isTemporary(err error) bool {
	t, ok := err.(interface{ Temporary() bool })
	return ok && t.Temporary()
}

func (e *Engine) servePlainConn(nc net.Conn, accepted func(Conn)) {
	c := &plainConn{Conn: nc, engine: e}
	if a, ok := nc.RemoteAddr().(*net.TCPAddr); ok {
		c.remote = a.AddrPort()
		c.remote = netip.AddrPortFrom(c.remote.Addr().Unmap(), c.remote.Port())
	}
	e.plain.mu.Lock()
	if e.plain.set == nil {
		e.plain.set = make(map[*plainConn]struct{})
	}
	e.plain.set[c] = struct{}{}
	e.plain.mu.Unlock()
	e.opened()
	accepted(c)
	if e.aborting.Load() {
		c.Abort() // AbortAll may have been too early to see it
	}
	c.idleSince.Store(int64(c.engine.clock.Now()))
	c.ReadExpiry(e.clock.Until(e.cfg.FirstByte))
	c.idle.Store(true)
	c.fresh = true
	e.workers.do(c)
}

func (c *plainConn) work(s Session) {
	if tc, ok := c.Conn.(*tls.Conn); ok && !c.handshake(tc) {
		return
	}
	s.Serve(c)
}

func (c *plainConn) isParked() bool { return false }
func (c *plainConn) MayBlock()      {} // others have their own goroutines

// NetConn returns the connection underneath.
func (c *plainConn) NetConn() net.Conn { return c.Conn }

func (c *plainConn) Remote() netip.AddrPort { return c.remote }
func (c *plainConn) State() any             { return c.state }
func (c *plainConn) SetState(s any)         { c.state = s }
func (c *plainConn) Drained() bool          { return true } // as far as anybody can tell

// Read ends a watch; what that has read comes first.
func (c *plainConn) Read(p []byte) (int, error) {
	c.takeReading()
	defer c.reading.Unlock()
	if len(c.early) > 0 {
		n := copy(p, c.early)
		c.early = c.early[n:]
		c.idle.Store(false)
		return n, nil
	}
	if err := c.earlyErr; err != nil {
		c.earlyErr = nil
		return 0, err
	}
	n, err := c.Conn.Read(p)
	c.idle.Store(false)
	return n, c.readError(err)
}

// readError names the reason of a failed read.
func (c *plainConn) readError(err error) error {
	if err != nil {
		switch {
		case c.aborted.Load():
			return ErrAborted
		case c.read.Load() == expired:
			return ErrReadExpired
		}
	}
	return err
}

// writePiece is how much is written at a time. net.Conn does not say how far a
// waiting write came, so that each piece must be taken in the idle time.
const writePiece = 64 << 10

func (c *plainConn) Write(p []byte) (int, error) {
	if err := c.try.settle(); err != nil {
		return 0, err
	}
	return c.writePieces(p)
}

func (c *plainConn) writePieces(p []byte) (done int, err error) {
	for err == nil && done < len(p) {
		var n int
		c.armIdle()
		n, err = c.Conn.Write(p[done:min(len(p), done+writePiece)])
		done += n
	}
	c.disarmIdle()
	return done, c.writeError(err)
}

func (c *plainConn) Writev(v ...[]byte) (done int64, err error) {
	size := 0
	for _, p := range v {
		size += len(p)
	}
	if size > writePiece {
		for i := 0; err == nil && i < len(v); i++ {
			var n int
			n, err = c.Write(v[i])
			done += int64(n)
		}
		return done, err
	}
	if err := c.try.settle(); err != nil {
		return 0, err
	}
	c.armIdle()
	b := net.Buffers(v)
	done, err = b.WriteTo(c.Conn)
	c.disarmIdle()
	return done, c.writeError(err)
}

// armIdle bounds the write that follows by the idle time.
func (c *plainConn) armIdle() {
	if c.writeIdle > 0 && c.write.Load() == 0 {
		c.setDeadlines(func() {
			by := time.Now().Add(c.writeIdle)
			if c.writeBy.IsZero() || by.Before(c.writeBy) {
				c.Conn.SetWriteDeadline(by)
			}
		})
	}
}

func (c *plainConn) disarmIdle() {
	if c.writeIdle > 0 && c.write.Load() == 0 {
		c.setDeadlines(func() { c.Conn.SetWriteDeadline(c.writeBy) })
	}
}

// setDeadlines calls f, which sets deadlines of the net.Conn, unless the
// connection was aborted: that must stay so.
func (c *plainConn) setDeadlines(f func()) {
	c.deadlines.Lock()
	defer c.deadlines.Unlock()
	if !c.aborted.Load() {
		f()
	}
}

func (c *plainConn) writeError(err error) error {
	if err != nil {
		switch {
		case c.aborted.Load():
			return ErrAborted
		case c.write.Load() == expired, errors.Is(err, os.ErrDeadlineExceeded):
			return ErrWriteExpired
		}
	}
	return err
}

func (c *plainConn) SendFile(head []byte, f File, off, n int64, _ Rung) (int64, Rung, error) {
	sent, err := sendByCopy(c, head, f, off, n)
	return sent, RungCopy, err
}

func (c *plainConn) ReadExpiry(at time.Duration) {
	c.setDeadlines(func() {
		if c.read.Swap(int64(at)) == expired || !c.readBy.IsZero() {
			c.readBy = time.Time{}
			c.Conn.SetReadDeadline(c.readBy)
		}
	})
}

func (c *plainConn) WriteExpiry(at time.Duration) {
	c.setDeadlines(func() {
		if c.write.Swap(int64(at)) == expired || !c.writeBy.IsZero() {
			c.writeBy = time.Time{}
			c.Conn.SetWriteDeadline(c.writeBy)
		}
	})
}

func (c *plainConn) WriteIdle(d time.Duration) { c.writeIdle = d }

func (c *plainConn) SetReadDeadline(t time.Time) (err error) {
	c.setDeadlines(func() {
		c.read.Store(0)
		c.readBy = t
		err = c.Conn.SetReadDeadline(t)
	})
	return err
}

func (c *plainConn) SetWriteDeadline(t time.Time) (err error) {
	c.setDeadlines(func() {
		c.write.Store(0)
		c.writeBy = t
		err = c.Conn.SetWriteDeadline(t)
	})
	return err
}

func (c *plainConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

func (c *plainConn) sweep(now time.Duration) {
	c.expiring(&c.read, now, c.Conn.SetReadDeadline)
	c.expiring(&c.write, now, c.Conn.SetWriteDeadline)
	c.watch() // a Read may have ended it
}

// expiring marks an expiry that passed and ends what waits for it.
func (c *plainConn) expiring(expiry *atomic.Int64, now time.Duration, set func(time.Time) error) {
	if at := expiry.Load(); at > 0 && at <= int64(now) {
		c.setDeadlines(func() {
			if expiry.CompareAndSwap(at, expired) {
				set(longAgo)
			}
		})
	}
}

// Next waits for the next request in Read.
func (c *plainConn) Next(p []byte, idle time.Duration) (int, bool, error) {
	if !c.fresh {
		c.idleSince.Store(int64(c.engine.clock.Now()))
		c.ReadExpiry(idle)
		c.idle.Store(!c.kept)
	}
	c.fresh = false
	n, err := c.Read(p)
	c.ReadExpiry(0)
	return n, false, err
}

// Rest waits in Read, too, until the read expiry.
func (c *plainConn) Rest(p []byte) (int, bool, error) {
	c.fresh = false
	n, err := c.Read(p)
	return n, false, err
}

func (c *plainConn) KeepParked() { c.kept = true }

// expire may cut off a request that arrives at this moment: nothing tells of
// bytes that a net.Conn has not yet returned.
func (c *plainConn) expire(idle time.Duration) {
	if c.idle.Load() && int64(c.engine.clock.Now()-idle) >= c.idleSince.Load() {
		c.Abort()
	}
}

func (c *plainConn) Abort() {
	c.deadlines.Lock()
	defer c.deadlines.Unlock()
	c.aborted.Store(true)
	c.Conn.SetDeadline(longAgo)
}

func (c *plainConn) CloseWrite() error {
	if err := c.try.settle(); err != nil {
		return err
	}
	if h, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return h.CloseWrite()
	}
	return errors.ErrUnsupported
}

func (c *plainConn) Close() error {
	c.Abort()
	return c.Conn.Close()
}

func (c *plainConn) End() {
	c.try.settle()
	if c.leave() {
		c.Conn.Close()
	}
}

func (c *plainConn) leave() bool {
	if c.left.Swap(true) {
		return false
	}
	c.engine.plain.mu.Lock()
	delete(c.engine.plain.set, c)
	c.engine.plain.mu.Unlock()
	c.Unwatch()
	c.engine.closed()
	return true
}

func (c *plainConn) Detach() (net.Conn, error) {
	if !c.leave() {
		return nil, net.ErrClosed
	}
	if err := c.try.settle(); err != nil {
		return nil, err
	}
	c.takeReading()
	defer c.reading.Unlock()
	if len(c.early) > 0 || c.earlyErr != nil {
		return &earlyConn{c.Conn, c.early, c.earlyErr}, nil
	}
	return c.Conn, nil
}

package netio

import (
	"crypto/tls"
	"net"
	"sync"
	"syscall"
	"time"
)

// A tlsConn is an epollConn that speaks TLS. crypto/tls does the protocol, over
// the wire, and never waits once the handshake is done: it is given whole
// records, and what it writes gathers in out. All waiting is done here, outside its
// locks, as for a plain connection. So it holds no ciphertext that was not
// decrypted, and the connection can be parked between any two records.
type tlsConn struct {
	epollConn
	tc *tls.Conn

	// Of who reads.
	in     recordBuffer
	eof    bool          // the peer has sent its last byte
	more   bool          // tc may hold decrypted bytes
	done   bool          // the handshake is
	quiet  bool          // parked by Next, and no data came since
	idleAt time.Duration // when it ends, if quiet

	// Of who writes, except what mu guards.
	slow  bool       // the peer took less than it was sent, the last time
	waits sync.Mutex // held by who waits for the peer to take more
	mu    sync.Mutex
	owed  bool   // see TryWritev; only who writes sets it
	out   []byte // ciphertext, of which out[sent:] has not left
	sent  int
	busy  bool  // somebody writes, and will push what gathers
	werr  error // of the first write that failed; it stays

	kernel   *kernelTLS // nil: crypto/tls makes the records
	detached net.Conn   // set by Detach: what the wire is from then on
}

func newTLSConn(conf *tls.Config) *tlsConn {
	c := new(tlsConn)
	c.tls = c
	c.tc = tls.Server((*wire)(c), conf)
	return c
}

// A wire is a tlsConn as crypto/tls sees it: the ciphertext side.
type wire tlsConn

// NetConn returns the *tls.Conn.
func (c *tlsConn) NetConn() net.Conn { return c.tc }

// Drained is never true too early: that the last byte fitted exactly looks as if there were more.
func (c *tlsConn) Drained() bool { return c.drained && c.in.r == c.in.w && !c.more }

// work does what is due: the handshake, or the session's part.
func (c *tlsConn) work(s Session) {
	if !c.done && !c.handshake() {
		return
	}
	if c.quiet && !c.awake() {
		return
	}
	s.Serve(c)
}

// awake looks whether what woke a parked connection is a record, or the end of the stream. If
// it is neither, the connection is parked again, until the same time.
func (c *tlsConn) awake() bool {
	for {
		err := c.fill()
		if err != syscall.EAGAIN && (err != nil || c.eof || c.in.next() > 0) {
			return true
		}
		if !c.drained {
			continue
		}
		if c.sleep(c.idleAt) {
			return false
		}
	}
}

// sleep parks the connection, unless an event came.
func (c *tlsConn) sleep(until time.Duration) bool {
	c.in.shrink()
	return c.park(until)
}

// wait waits in a read for the socket.
func (c *tlsConn) wait() error {
	c.in.shrink()
	return c.awaitEvent()
}

// End says close_notify (RFC 8446 §6.1) if it can do so without waiting, and closes.
func (c *tlsConn) End() {
	if c.fd < 0 { // ended or detached
		return
	}
	if c.done {
		c.mu.Lock()
		whole := c.werr == nil && c.sent == len(c.out)
		c.mu.Unlock()
		if whole && c.writeStop() == nil {
			c.tc.CloseWrite()
			c.push(false)
		}
	}
	c.release()
	c.leaveKernel()
	c.epollConn.End()
}

// release gives the buffers back.
func (c *tlsConn) release() {
	c.in.r = c.in.w
	c.in.shrink()
	c.mu.Lock()
	c.sent = len(c.out)
	c.releaseOut()
	c.mu.Unlock()
}

// CloseWrite sends close_notify, and FIN behind it.
func (c *tlsConn) CloseWrite() error {
	if c.done {
		if err := c.tc.CloseWrite(); err != nil {
			return err
		}
	}
	if err := c.flush(); err != nil {
		return err
	}
	return c.epollConn.CloseWrite()
}

// Detach returns the *tls.Conn, on a socket of the net package.
func (c *tlsConn) Detach() (net.Conn, error) {
	if err := c.flush(); err != nil {
		return nil, err
	}
	nc, err := c.epollConn.Detach()
	if err != nil {
		return nil, err
	}
	c.in.shrink()
	c.leaveKernel()
	c.detached = nc
	return c.tc, nil
}

func (w *wire) Close() error {
	if w.detached != nil {
		return w.detached.Close()
	}
	return w.epollConn.Close()
}

// The deadlines are the Conn's, and of no concern to crypto/tls, until it is on its own.

func (w *wire) SetDeadline(t time.Time) error {
	return w.detachedDo(func(nc net.Conn) error { return nc.SetDeadline(t) })
}

func (w *wire) SetReadDeadline(t time.Time) error {
	return w.detachedDo(func(nc net.Conn) error { return nc.SetReadDeadline(t) })
}

func (w *wire) SetWriteDeadline(t time.Time) error {
	return w.detachedDo(func(nc net.Conn) error { return nc.SetWriteDeadline(t) })
}

func (w *wire) detachedDo(f func(net.Conn) error) error {
	if w.detached == nil {
		return nil
	}
	return f(w.detached)
}

func (w *wire) LocalAddr() net.Addr {
	if w.detached != nil {
		return w.detached.LocalAddr()
	}
	return w.epollConn.LocalAddr()
}

func (w *wire) RemoteAddr() net.Addr {
	if w.detached != nil {
		return w.detached.RemoteAddr()
	}
	return w.epollConn.RemoteAddr()
}

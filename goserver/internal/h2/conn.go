package h2

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"

	"github.com/hyperion-server/hyperion/goserver/internal/netio"
	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
	"github.com/hyperion-server/hyperion/hpack"
)

const (
	errCodeProtocol    = http2.ErrCodeProtocol
	errCodeFlowControl = http2.ErrCodeFlowControl
)

// A conn is one connection of HTTP/2. While it is parked this is all there is of
// it, with its streams if it rests: all of them are tunnels then. While it is served a Session lends
// its buffers. While something is to leave it has a sender.
type conn struct {
	e    *Engine
	nc   netio.Conn
	s    *Session // nil while parked or at rest, and after the end
	info *semantics.Conn

	// Of the reader.
	dec         *hpack.Decoder
	guard       guard
	lastID      uint32        // highest number of a stream that the peer used
	prioritises bool          // the peer said something of priorities
	begun       bool          // something has come
	prefaced    bool          // the preface
	settled     bool          // and the first SETTINGS
	closeAfter  bool          // end the connection gently: a direct route asked for it
	partialBy   time.Duration // when a frame or header block of which a part is there must be whole; 0: none is
	expired     bool          // the wait has ended because of a time
	ping        pinger
	busy        atomic.Bool // the reader is at work and will flush
	handed      bool        // requests went to handlers since the last wait
	timing      *timing
	state       http.ConnState // the last one told

	mu         sync.Mutex
	enc        *hpack.Encoder
	peer       peerSettings
	sendWindow int64
	window     receiveWindow
	queue      sendQueue
	sender     *sender // nil while nothing is to leave and nobody serves; see out
	sent, told int64   // bytes framed, and those of them that are in a tally
	table      *table  // nil while there are no streams and nobody serves
	listed     int     // streams in the table
	active     int     // streams that live: listed ones, and those whose handler runs still
	tunnels    int     // of active
	closing    int     // of active: streams that the peer sees as closed, and that will be given back soon
	closed     closedStreams
	credit     int // points earned for the guard
	goaway     goAwayState
	goawayBy   time.Duration // when the second GOAWAY follows
	goawayID   uint32        // its last stream
	dead       bool          // nothing is sent any more
	werr       error         // of a write
	writing    bool          // the sender's leaving output is being written
	wrote      int           // bytes of it that have left, of who writes
	flushing   bool          // a handler is about to flush
	drained    sync.Cond     // a write has ended
	waiters    int           // for drained
	expiry     time.Duration // of the reader's wait, 0 for none
	waiting    bool          // it is among those that Drain tells
}

// open makes the state of a new connection.
func (e *Engine) open(nc netio.Conn) *conn {
	c := &conn{
		e: e, nc: nc,
		dec: hpack.NewDecoder(defaultHeaderTable), enc: hpack.NewEncoder(),
		peer:       peerSettings{window: initialWindow, maxFrame: minMaxFrameSize},
		sendWindow: initialWindow,
		guard:      guard{points: guardMax, at: e.cfg.Clock.Now()},
	}
	c.dec.SetMaxListSize(e.cfg.Limits.HeadBytes)
	c.dec.SetMaxStringLength(2 * maxBlock(e)) // so that a list that is too long is found first, and answered with 431
	c.drained.L = &c.mu
	c.window = receiveWindow{size: e.cfg.ConnWindow, open: e.cfg.ConnWindow}
	c.info = semantics.ConnOf(nc)
	c.info.HTTP2 = c
	return c
}

// locked calls f with the lock of c, and gives it back also when f fails: then the
// connection is to be closed.
func (c *conn) locked(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

// greet sends the server's part of the preface (RFC 9113 §3.4).
func (c *conn) greet() {
	o := c.out()
	o.buf = appendSettings(o.buf, c.e.settings()...)
	if more := c.e.cfg.ConnWindow - initialWindow; more > 0 {
		o.buf = appendWindowUpdate(o.buf, 0, uint32(more))
	}
}

// killAll ends all streams for their handlers.
func (c *conn) killAll(err error) {
	c.dead = true
	for st := range c.streams() {
		c.kill(st, err)
	}
}

// close ends the connection: with GOAWAY for a rule that was broken, at once
// when it is lost.
func (c *conn) close(err error) {
	s := c.s
	rule, _ := err.(*connError)
	told := rule != nil || err == errDrained
	var werr error
	c.locked(func() { werr = c.shut(rule, told) })
	if werr == netio.ErrWriteExpired {
		c.e.cfg.Counters.TimedOut.Add(1)
	}
	if told && werr == nil {
		c.linger(s.in)
	}
	c.tellState(http.StateClosed)
	c.nc.End()
}

// shut ends all streams, and waits until what is being written has left or failed. c.mu
// is held; it is released meanwhile. Handlers that come later find nothing to write to.
func (c *conn) shut(rule *connError, told bool) (werr error) {
	dead := c.dead
	c.killAll(errGone) // first: what they still had to send may be what failed
	if rule != nil && !dead {
		o := c.out()
		o.buf = appendGoAway(o.buf, c.lastServed(), rule.code, rule.rule)
		c.flush()
	}
	c.e.leave(c)
	if !told {
		c.nc.Abort() // ends a write
	}
	for c.writing { // GOAWAY may have to wait behind what leaves
		c.nc.MayBlock()
		c.waiters++
		c.drained.Wait()
		c.waiters--
	}
	c.detach()
	return c.werr
}

// lingerTime is how long a connection that must close is still read, so that
// the peer gets GOAWAY rather than a reset.
const lingerTime = time.Second

func (c *conn) linger(scratch []byte) {
	if c.nc.CloseWrite() != nil {
		return
	}
	c.nc.ReadExpiry(c.e.cfg.Clock.Until(lingerTime))
	for {
		if _, err := c.nc.Read(scratch); err != nil {
			return
		}
	}
}

// tellState tells the program of another state.
func (c *conn) tellState(s http.ConnState) {
	if c.state != s {
		c.state = s
		c.e.cfg.TellState(c.nc, s)
	}
}

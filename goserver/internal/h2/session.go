package h2

import (
	"net/http"
	"runtime/debug"

	"github.com/hyperion-server/hyperion/goserver/internal/access"
	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/goserver/internal/netio"
	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
	"github.com/hyperion-server/hyperion/hpack"
)

// Sizes of a session's buffers, in bytes.
const (
	readSize = 16 << 10 // read buffer at first; grows to hold one header block
	keepSize = 64 << 10 // larger buffers are given back when the connection is left
	keepRefs = 256

	keepFields = 256 // of a head
)

// A Session serves one connection at a time, and owns the buffers that reading
// one needs; they pass to the next connection with it. It is used by one
// goroutine, but for the streams that are free. What others need is the connection's.
type Session struct {
	e     *Engine
	tally *semantics.Tally

	// Read side. in[r:w] is read but not consumed.
	in    []byte
	r, w  int
	frame frameHeader // at hand: its header was consumed, left bytes of payload were not
	left  int
	data  dataFrame // what of a DATA frame is at hand

	// Request heads.
	block     []byte      // fragments of a header block
	blockOf   frameHeader // the HEADERS that started it; stream 0: none
	fragments int
	fields    []hpack.HeaderField
	arena     []byte
	head      head
	control   controlReader

	// The direct path.
	ctx  direct.Ctx
	req  *direct.Request
	resp *direct.Response

	free *stream // guarded by the connection's lock

	// What is known of the request at hand, and scratch.
	rec             access.Record
	lower           []byte
	files           []byte // of short files
	dependsOnItself bool
	exiting         exiting // of the handler of a direct route that runs
}

// NewSession returns a session.
func (e *Engine) NewSession() *Session {
	s := &Session{e: e, tally: e.cfg.Counters.TakeTally(), in: make([]byte, readSize)}
	s.req, s.resp = direct.Describe(&s.ctx)
	s.control.init()
	return s
}

// Retire gives back what outlives the session.
func (s *Session) Retire() { s.e.cfg.Counters.PutTally(s.tally) }

// Serve serves a connection until it has nothing more to read, and parks it; or
// to its end. ahead are the bytes that were read of a new one, of which it keeps
// none; the client preface is expected to start with them.
func (s *Session) Serve(nc netio.Conn, ahead []byte) {
	c := connOf(nc)
	if c == nil {
		c = s.e.open(nc)
	}
	if !c.begun && len(ahead) == 0 {
		if ahead = s.first(c); ahead == nil {
			return
		}
	}
	s.bind(c, ahead)
	ended := false
	defer func() {
		if !ended { // a callback of the program panicked, or ended the goroutine
			v := recover()
			c.nc.MayBlock()
			if v != nil {
				s.e.cfg.Logf("http2: panic serving %v: %v\n%s", nc.RemoteAddr(), v, debug.Stack())
			}
			c.attach(s)
			c.close(errFailed)
		}
		s.unbind()
	}()
	if !c.begun {
		c.begin()
	}
	c.serve()
	ended = true
}

// first reads the first bytes of a connection. It returns nil when the connection
// was parked, since none have come, or has ended.
func (s *Session) first(c *conn) []byte {
	n, parked, err := c.nc.Next(s.in, c.e.cfg.Clock.Until(c.e.cfg.HeaderTimeout))
	switch {
	case parked:
		return nil
	case err != nil:
		c.tellState(http.StateClosed)
		c.nc.End()
		return nil
	}
	return s.in[:n]
}

func (s *Session) bind(c *conn, ahead []byte) {
	for len(s.in) < len(ahead) {
		s.in = make([]byte, 2*len(s.in))
	}
	s.r, s.w = 0, copy(s.in, ahead)
	s.left, s.blockOf.stream = 0, 0
	c.attach(s)
}

// unbind trims the buffers: the next connection may need less.
func (s *Session) unbind() {
	if len(s.in) > keepSize {
		s.in = make([]byte, readSize)
	}
	if cap(s.block) > keepSize {
		s.block = nil
	}
	if cap(s.arena) > keepSize || cap(s.fields) > keepFields {
		s.arena, s.fields, s.head.Fields = nil, nil, nil // fields refer to the arena
	}
	semantics.Poison(s.in)
	semantics.Poison(s.arena[:cap(s.arena)])
}

// begin starts a new connection.
func (c *conn) begin() {
	c.begun = true
	c.startTiming()
	c.greet()
	c.partialBy = c.e.cfg.Clock.Until(c.e.cfg.HeaderTimeout)
	c.tellState(http.StateActive)
}

// serve reads frames until the connection is parked or has ended.
func (c *conn) serve() {
	for {
		for {
			more, err := c.step()
			if err != nil {
				c.close(err)
				return
			}
			if !more {
				break
			}
		}
		if !c.fill() {
			return
		}
	}
}

package h2

import (
	"encoding/binary"
	"io"
	"time"

	"golang.org/x/net/http2"

	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
	"github.com/hyperion-server/hyperion/hpack"
)

func directField(f *hpack.HeaderField) direct.Field {
	return direct.Field{Name: f.Name, Value: f.Value}
}

// methodName returns the method b, without allocating if it is registered.
func methodName(b []byte) string {
	if m, ok := direct.Method(b); ok {
		return m
	}
	return string(b)
}

// maxFragments is in how many frames a header block may come.
const maxFragments = 64

// takeHeaders begins a header block (RFC 9113 §6.2).
func (c *conn) takeHeaders(f *frameHeader, p []byte) error {
	if f.stream == 0 {
		return errStreamZero
	}
	if f.stream%2 == 0 {
		return errStreamParity
	}
	p, err := unpad(f, p)
	if err != nil {
		return err
	}
	s := c.s
	s.dependsOnItself = false
	if f.flags&http2.FlagHeadersPriority != 0 { // of RFC 7540
		if len(p) < 5 {
			return errFrameLength
		}
		s.dependsOnItself = binary.BigEndian.Uint32(p)&^(1<<31) == f.stream
		p = p[5:]
	}
	if f.flags&http2.FlagHeadersEndHeaders != 0 {
		return c.takeBlock(f, p)
	}
	s.block = append(s.block[:0], p...)
	s.blockOf, s.fragments = *f, 1
	return nil
}

// takeContinuation adds to a header block (RFC 9113 §6.10).
func (c *conn) takeContinuation(f *frameHeader, p []byte) error {
	s := c.s
	if err := c.guard.spend(c.now(), costFragment); err != nil {
		return err
	}
	if s.fragments++; s.fragments > maxFragments {
		return errBlockFragments
	}
	if len(s.block)+len(p) > maxBlock(c.e) {
		return errBlockTooLong
	}
	s.block = append(s.block, p...)
	if f.flags&http2.FlagContinuationEndHeaders == 0 {
		return nil
	}
	first := s.blockOf
	s.blockOf.stream, c.partialBy = 0, 0
	return c.takeBlock(&first, s.block)
}

// takeBlock decodes a header block and acts on it: it opens a stream, or is the
// trailer section of one.
func (c *conn) takeBlock(f *frameHeader, block []byte) error {
	s := c.s
	var err error
	s.arena, s.fields, err = c.dec.Decode(s.arena[:0], s.fields[:0], block)
	if err != nil && err != hpack.ErrListTooLong {
		return errCompression
	}
	tooLong := err == hpack.ErrListTooLong
	if f.stream > c.lastID {
		c.lastID = f.stream
		return c.openStream(f, tooLong)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.table.find(f.stream)
	switch {
	case st == nil:
		return c.lateHeaders(f.stream)
	case st.remoteDone:
		return c.streamError(st, http2.ErrCodeStreamClosed)
	case st.connect: // RFC 9113 §8.5
		return c.streamError(st, http2.ErrCodeProtocol)
	case f.flags&http2.FlagHeadersEndStream == 0:
		return c.malformed(st, errTrailerOpen)
	}
	return c.takeTrailers(st, tooLong)
}

// lateHeaders judges HEADERS of a stream that is not there any more.
func (c *conn) lateHeaders(id uint32) error {
	switch {
	case c.closed.reset.has(id):
		return c.guard.spend(c.now(), costEmpty)
	case c.closed.knows(id):
		return errStreamClosed
	}
	return errStreamOrder
}

// openStream begins a request.
func (c *conn) openStream(f *frameHeader, tooLong bool) error {
	s, h := c.s, &c.s.head
	c.firstStream()
	end := f.flags&http2.FlagHeadersEndStream != 0
	wrong := h.check(s.fields, &c.e.cfg.Limits, c.e.cfg.ConnectProtocol)
	switch {
	case s.dependsOnItself:
		wrong = errDependsOnItself
	case tooLong: // what seems to be missing may have been cut off
		wrong = semantics.ErrHeadTooLong
	case wrong == nil && end && h.length > 0:
		wrong = errLengthDiffers
	}
	if h.cookies > 1 {
		s.joinCookies()
	}
	bad, _ := wrong.(*malformedError)
	st, err := c.admit(f.stream, end, bad)
	if st == nil {
		return err
	}
	if e, ok := wrong.(*semantics.Error); ok {
		c.refuse(st, e)
	} else {
		c.serveRequest(st) // without the lock: it may call into the program
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gathered() >= outFlush {
		c.flush()
		c.awaitRoom()
	}
	return nil
}

// admit makes a stream of a request that is to be answered; nil for one that is
// refused, or bad, unless that is nil.
func (c *conn) admit(id uint32, end bool, bad *malformedError) (*stream, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if code, refused := c.admission(); refused {
		return nil, c.refuseStream(id, code)
	}
	h := &c.s.head
	st := c.newStream(id)
	st.remoteDone = end
	st.beginBody(h, end)
	if h.priority != nil {
		c.prioritises = true
		st.priority = parsePriority(h.priority)
	}
	if bad != nil {
		return nil, c.malformed(st, bad)
	}
	st.running = true
	return st, nil
}

// mostActive is how many times MaxStreams all streams of a connection may be, with those
// that the peer sees as closed.
const mostActive = 8

// admission tells whether a new stream must be refused, and with what code: 0
// for none, behind the last stream of GOAWAY (RFC 9113 §6.8). A stream that the peer
// sees as closed does not count (RFC 9113 §5.1.2) though its goroutine has still to give
// it back; on a busy machine these are many. c.mu is held.
func (c *conn) admission() (code http2.ErrCode, refused bool) {
	e := c.e
	if c.goaway == goAwayFinal || c.dead {
		return 0, true
	}
	if most := int(e.cfg.MaxStreams); c.active-c.closing >= most && !c.makePlace() || c.active >= mostActive*most {
		return http2.ErrCodeRefusedStream, true
	}
	if e.total.Add(1) > e.cfg.MaxTotalStreams && e.cfg.MaxTotalStreams > 0 {
		e.total.Add(-1)
		return http2.ErrCodeRefusedStream, true
	}
	return 0, false
}

// makePlace ends a stream that has its response, and only waits for the rest of a request
// that nobody reads. Some clients say nothing more of those, and take them for closed. c.mu
// is held.
func (c *conn) makePlace() bool {
	for st := range c.streams() {
		if st.localDone && !st.running {
			c.resetStream(st, http2.ErrCodeNo)
			return true
		}
	}
	return false
}

// refuseStream refuses a stream that no handler will see. c.mu is held.
func (c *conn) refuseStream(id uint32, code http2.ErrCode) error {
	c.noteClosed(id, true)
	if code != 0 {
		c.e.refused.Add(1)
		o := c.out()
		o.buf = appendReset(o.buf, id, code)
	}
	return c.guard.spend(c.now(), costError)
}

// joinCookies makes one field of the crumbs of a Cookie (RFC 9113 §8.2.3).
func (s *Session) joinCookies() {
	h := &s.head
	at, size := -1, 0
	for i := range h.Fields {
		if string(h.Fields[i].Name) == "cookie" {
			size += len(h.Fields[i].Value) + len("; ")
		}
	}
	joined := make([]byte, 0, size)
	if free := s.arena[len(s.arena):]; cap(free) >= size {
		joined = free
	}
	kept := h.Fields[:0]
	for _, f := range h.Fields {
		if string(f.Name) != "cookie" {
			kept = append(kept, f)
			continue
		}
		if at < 0 {
			at = len(kept)
			kept = append(kept, f)
		} else {
			joined = append(joined, "; "...)
		}
		joined = append(joined, f.Value...)
	}
	kept[at].Value = joined
	h.Fields = kept
}

// malformed ends a stream for a request that broke a rule of its form.
func (c *conn) malformed(st *stream, e *malformedError) error {
	c.e.cfg.Counters.Refused.Add(1)
	return c.streamError(st, http2.ErrCodeProtocol)
}

// streamError ends a stream by an error of the peer's, which costs points.
func (c *conn) streamError(st *stream, code http2.ErrCode) error {
	if st.running {
		st.body.fail(http2.StreamError{StreamID: st.id, Code: code})
	}
	c.resetStream(st, code)
	return c.guard.spend(c.now(), costError)
}

// badStream ends stream id by an error of the peer's, if it is there.
func (c *conn) badStream(id uint32, code http2.ErrCode) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if st := c.table.find(id); st != nil {
		return c.streamError(st, code)
	}
	return c.lateError(id, code)
}

// lateError answers an error on a stream that is not there, or not any more.
// c.mu is held.
func (c *conn) lateError(id uint32, code http2.ErrCode) error {
	o := c.out()
	o.buf = appendReset(o.buf, id, code)
	return c.guard.spend(c.now(), costError)
}

// takeTrailers ends a request with its trailer section.
func (c *conn) takeTrailers(st *stream, tooLong bool) error {
	s, lim := c.s, &c.e.cfg.Limits
	if err := checkTrailers(s.fields, lim); err != nil {
		return c.malformed(st, err.(*malformedError))
	}
	if tooLong || len(s.fields) > lim.Fields {
		return c.streamError(st, http2.ErrCodeEnhanceYourCalm)
	}
	if st.x != nil && !st.body.unwanted {
		st.x.keepTrailers(s.fields)
	}
	return c.endRequest(st)
}

// endRequest notes END_STREAM of the peer.
func (c *conn) endRequest(st *stream) error {
	b := &st.body
	if b.declared >= 0 && b.total != b.declared {
		return c.malformed(st, errLengthDiffers)
	}
	st.remoteDone = true
	b.fail(io.EOF)
	st.arrived()
	c.done(st)
	return nil
}

// beginBody readies st for the content of its request.
func (st *stream) beginBody(h *head, end bool) {
	b, cfg := &st.body, st.c.e.cfg.Config
	b.declared, b.limit = h.length, cfg.Limits.BodyBytes
	b.open = int64(st.c.e.cfg.StreamWindow)
	if cfg.WriteTimeout > 0 {
		st.writeBy = cfg.Clock.Exact() + cfg.WriteTimeout
	}
	if end {
		b.err = io.EOF
		return
	}
	if st.connect = h.connect; st.connect { // what comes is no content
		b.limit = -1
		return
	}
	st.readBy = cfg.ReadEnd(cfg.Clock.Now())
}

func (c *conn) now() time.Duration { return c.e.cfg.Clock.Now() }

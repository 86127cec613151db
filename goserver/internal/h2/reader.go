package h2

import (
	"encoding/binary"
	"io"
	"net/http"
	"runtime"

	"golang.org/x/net/http2"

	"github.com/hyperion-server/hyperion/goserver/internal/netio"
)

// step consumes the next frame, or the next part of a long one. It reports false
// when more bytes must be read first.
func (c *conn) step() (bool, error) {
	s := c.s
	b := s.in[s.r:s.w]
	if !c.settled {
		if more, err := c.preface(b); !more || err != nil {
			return false, err
		}
		b = s.in[s.r:s.w]
	}
	if s.left > 0 {
		return c.stepPart(b)
	}
	if len(b) < frameHeaderLen {
		return false, nil
	}
	f := parseFrameHeader(b)
	if err := c.checkFrame(&f); err != nil {
		return false, err
	}
	switch f.typ {
	case http2.FrameData:
		return c.beginData(&f, b[frameHeaderLen:])
	case http2.FrameHeaders, http2.FrameContinuation, http2.FrameRSTStream, http2.FrameWindowUpdate,
		http2.FrameSettings, http2.FramePing, http2.FramePriority, http2.FramePriorityUpdate:
	case http2.FramePushPromise:
		return false, errPush
	case http2.FrameGoAway:
		if f.stream != 0 {
			return false, errStreamNotZero
		}
		if f.length < 8 {
			return false, errFrameLength
		}
		fallthrough // it asks for nothing
	default:
		s.r += frameHeaderLen
		c.partialBy = 0
		s.frame, s.left = f, f.length
		return true, c.guard.spend(c.now(), costUnknown)
	}
	if len(b) < frameHeaderLen+f.length {
		return false, s.reserve(frameHeaderLen + f.length)
	}
	s.r += frameHeaderLen + f.length
	if s.blockOf.stream == 0 { // else the whole block has one time
		c.partialBy = 0
	}
	return true, c.whole(&f, b[frameHeaderLen:frameHeaderLen+f.length:frameHeaderLen+f.length], b[:frameHeaderLen+f.length])
}

// preface reads the client preface.
func (c *conn) preface(b []byte) (bool, error) {
	if c.prefaced {
		return true, nil
	}
	n := min(len(b), len(clientPreface))
	if string(b[:n]) != clientPreface[:n] {
		return false, errPreface
	}
	if n < len(clientPreface) {
		return false, nil
	}
	c.s.r += n
	c.prefaced = true
	return true, nil
}

// checkFrame checks what does not depend on the type, and the order of frames.
func (c *conn) checkFrame(f *frameHeader) error {
	s := c.s
	switch {
	case f.length > int(c.e.cfg.MaxFrameSize):
		return errFrameSize
	case !c.settled && (f.typ != http2.FrameSettings || f.flags&http2.FlagSettingsAck != 0):
		return errFirstSettings
	case s.blockOf.stream != 0 && (f.typ != http2.FrameContinuation || f.stream != s.blockOf.stream):
		return errInterleaved
	case s.blockOf.stream == 0 && f.typ == http2.FrameContinuation:
		return errContinuation
	}
	return checkLength(f)
}

// checkLength checks the length of frames that have only one, and of SETTINGS, before they
// are there as a whole. That of PRIORITY is an error of its stream.
func checkLength(f *frameHeader) error {
	switch {
	case f.typ == http2.FramePing && f.length != 8,
		(f.typ == http2.FrameRSTStream || f.typ == http2.FrameWindowUpdate) && f.length != 4,
		f.typ == http2.FrameSettings && f.length%6 != 0:
		return errFrameLength
	case f.typ == http2.FrameSettings && f.length > 6*maxSettings:
		return errSettingsTooMany
	}
	return nil
}

// idle reports whether no request has begun on the stream: those of even numbers are the
// server's, and it opens none.
func (c *conn) idle(id uint32) bool { return id > c.lastID || id%2 == 0 }

// whole acts on a frame that is there as a whole: its payload p, and with its header raw.
func (c *conn) whole(f *frameHeader, p, raw []byte) error {
	switch f.typ {
	case http2.FrameHeaders:
		return c.takeHeaders(f, p)
	case http2.FrameContinuation:
		return c.takeContinuation(f, p)
	case http2.FrameWindowUpdate:
		return c.takeWindowUpdate(f, p)
	case http2.FrameRSTStream:
		return c.takeReset(f, p)
	}
	return c.takeControl(raw)
}

// reserve makes room in the buffer for n bytes from r on.
func (s *Session) reserve(n int) error {
	if s.r+n <= len(s.in) {
		return nil
	}
	if n > len(s.in) {
		if n > maxWholeFrame(s) {
			return errBlockTooLong
		}
		in := make([]byte, max(n, 2*len(s.in)))
		s.w = copy(in, s.in[s.r:s.w])
		s.in, s.r = in, 0
		return nil
	}
	s.w = copy(s.in, s.in[s.r:s.w])
	s.r = 0
	return nil
}

// maxWholeFrame is the length of the longest frame that must be in memory as a
// whole. Nearly twice as much as a header list may have can be read, so that
// the peer is told with 431 rather than by the end of the connection.
func maxWholeFrame(s *Session) int { return frameHeaderLen + maxBlock(s.e) }

func maxBlock(e *Engine) int { return max(2*e.cfg.Limits.HeadBytes, minMaxFrameSize) }

// fill reads more bytes. It returns false when the connection was parked or has
// ended.
func (c *conn) fill() bool {
	s := c.s
	if s.r == s.w {
		s.r, s.w = 0, 0
	} else if s.w == len(s.in) {
		s.w = copy(s.in, s.in[s.r:s.w])
		s.r = 0
	}
	for {
		next, err := c.settle()
		if err != nil {
			c.close(err)
			return false
		}
		if next == parks {
			return c.park(s)
		}
		if !c.waiting {
			c.e.enter(c)
			continue // Drain may have been too early to see it
		}
		var n int
		if next == rests {
			var parked bool
			if n, parked, err = c.rest(s); parked {
				return false
			}
		} else {
			n, err = c.nc.Read(s.in[s.w:])
		}
		c.busy.Store(true)
		if err == nil {
			s.w += n
			c.heard()
			return true
		}
		if err != netio.ErrReadExpired {
			c.close(c.readError(err))
			return false
		}
		c.expired = true
	}
}

// A pause is what the reader does when nothing is there to be read.
type pause uint8

const (
	waits pause = iota // in a read: a request, or a frame, is on its way
	rests              // leaves the connection to its tunnels, and to who writes into them
	parks              // leaves it: there are no streams
)

// settle sends what has gathered before the reader waits, arms the wait, and tells which it is.
func (c *conn) settle() (next pause, err error) {
	if c.handed {
		c.handed = false
		runtime.Gosched() // handlers that are quick add to what is written
	}
	c.busy.Store(false)
	s := c.s
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.expired || c.overdue() {
		c.expired = false
		if err := c.tick(); err != nil {
			return waits, err
		}
	}
	c.flush()
	c.awaitRoom()
	if c.werr != nil {
		return waits, c.werr
	}
	c.guard.gain(c.credit)
	c.credit = 0
	if err := c.drain(); err != nil {
		return waits, err
	}
	passing := s.left > 0 && (c.active == 0 || !s.data.on) // of no stream
	partial := s.r < s.w || s.blockOf.stream != 0 || !c.settled || passing
	switch {
	case !partial:
		c.partialBy = 0
	case c.partialBy == 0:
		c.partialBy = c.e.cfg.Clock.Until(c.e.cfg.HeaderTimeout)
	}
	if c.active == 0 && !partial && !c.writing && c.goaway == goAwayNone {
		c.detach() // a handler that has just ended may still come to flush
		c.expiry = 0
		return parks, nil
	}
	c.wait()
	if c.active > 0 && c.active == c.tunnels && !partial && s.left == 0 && c.waiting {
		c.detach()
		return rests, nil
	}
	return waits, nil
}

// rest gives the connection back, which s served: nothing is there to be read, and all streams
// are tunnels. It is served again when bytes come, or its times pass that wait has armed and others rearm.
func (c *conn) rest(s *Session) (n int, parked bool, err error) {
	s.release()
	if n, parked, err = c.nc.Rest(s.in); !parked {
		c.attach(s)
	}
	return n, parked, err
}

// park gives the connection back, which s served: nothing is there to be read, and
// no stream is open. It returns true when bytes came all the same.
func (c *conn) park(s *Session) bool {
	c.nc.ReadExpiry(0)
	c.tellState(http.StateIdle)
	c.e.leave(c)
	s.release()
	n, parked, err := c.nc.Next(s.in, c.e.cfg.Clock.Until(c.e.cfg.IdleTimeout))
	if parked {
		return false
	}
	c.attach(s)
	if err != nil {
		if err == netio.ErrReadExpired {
			err = errIdle
		}
		c.close(c.readError(err))
		return false
	}
	s.w = n
	c.heard()
	c.tellState(http.StateActive)
	return true
}

// release gives the free streams back.
func (s *Session) release() {
	for s.free != nil {
		st := s.free
		s.free, st.next = st.next, nil
		streamPool.Put(st)
	}
}

// readError tells why the connection ends after a failed read.
func (c *conn) readError(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errGone
	}
	return err
}

func (c *conn) takeWindowUpdate(f *frameHeader, p []byte) error {
	if err := c.guard.spend(c.now(), costWindow); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.openSend(f.stream, binary.BigEndian.Uint32(p)&^(1<<31))
}

func (c *conn) takeReset(f *frameHeader, p []byte) error {
	switch {
	case f.stream == 0:
		return errStreamZero
	case c.idle(f.stream):
		return errStreamIdle
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.table.find(f.stream)
	if st == nil {
		return c.guard.spend(c.now(), costEmpty)
	}
	code := http2.ErrCode(binary.BigEndian.Uint32(p))
	st.byPeer = true
	cost := costReset
	if st.localDone {
		cost = 0 // a client with the whole response, that has no more to say (gRPC)
	}
	c.kill(st, http2.StreamError{StreamID: st.id, Code: code})
	return c.guard.spend(c.now(), cost)
}

package h2

import (
	"net/http"

	"golang.org/x/net/http2"

	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// A dataFrame is a DATA frame that is read in parts, so that it need not fit
// into the buffer.
type dataFrame struct {
	on  bool
	pad int // bytes of padding at the end
}

// beginData takes the header of a DATA frame and, if it is padded, the length of
// the padding; b is what is there behind the header.
func (c *conn) beginData(f *frameHeader, b []byte) (bool, error) {
	s := c.s
	take := frameHeaderLen
	pad := 0
	if f.stream == 0 {
		return false, errStreamZero
	}
	if f.flags&http2.FlagDataPadded != 0 {
		if f.length == 0 {
			return false, errFrameLength
		}
		if len(b) == 0 {
			return false, s.reserve(frameHeaderLen + 1)
		}
		if pad = int(b[0]); pad >= f.length {
			return false, errPadding
		}
		take++
	}
	if c.idle(f.stream) {
		return false, errStreamIdle
	}
	s.r += take
	c.partialBy = 0
	s.frame, s.left = *f, f.length+frameHeaderLen-take
	s.data = dataFrame{on: true, pad: pad}
	return true, c.acceptData(f, pad)
}

// acceptData takes a DATA frame from the windows, as a whole, and judges it by
// the state of its stream.
func (c *conn) acceptData(f *frameHeader, pad int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := int64(f.length)
	if c.window.open -= n; c.window.open < 0 {
		return errReceiveWindow
	}
	st := c.table.find(f.stream)
	if st == nil || st.remoteDone {
		c.s.data.on = false // passed over
		c.giveBack(n)
		if st != nil {
			return c.streamError(st, http2.ErrCodeStreamClosed)
		}
		if !c.closed.reset.has(f.stream) {
			return c.lateError(f.stream, http2.ErrCodeStreamClosed)
		}
		if n > 0 {
			return nil // it was on its way, as much as the window of the connection let
		}
		return c.guard.spend(c.now(), costEmpty)
	}
	b := &st.body
	if b.open -= n; b.open < 0 {
		c.s.data.on = false
		c.giveBack(n)
		return c.streamError(st, http2.ErrCodeFlowControl)
	}
	data := n
	if f.flags&http2.FlagDataPadded != 0 {
		data -= int64(pad) + 1
		c.giveBackStream(st, int64(pad)+1)
	}
	b.total += data
	semantics.Bump(&c.s.tally.BytesIn, data)
	if b.declared >= 0 && b.total > b.declared {
		c.s.data.on = false
		c.giveBack(data)
		return c.malformed(st, errLengthDiffers)
	}
	over := b.limit >= 0 && b.total > b.limit
	if over && st.localDone && !st.running {
		c.s.data.on = false
		c.giveBack(data)
		c.resetStream(st, http2.ErrCodeNo)
		return nil
	}
	if over && b.err == nil {
		b.fail(&http.MaxBytesError{Limit: b.limit})
		b.unwanted = true
		st.receivable.Broadcast()
	}
	if data == 0 && f.flags&http2.FlagDataEndStream == 0 {
		return c.guard.spend(c.now(), costEmpty)
	}
	c.credit += gainData
	return c.endEmpty(st, f)
}

// endEmpty ends the request with a frame without payload: stepPart sees none.
func (c *conn) endEmpty(st *stream, f *frameHeader) error {
	if c.s.left > 0 || f.flags&http2.FlagDataEndStream == 0 {
		return nil
	}
	c.s.data.on = false
	return c.endRequest(st)
}

// stepPart consumes what is there of a frame that is read in parts.
func (c *conn) stepPart(b []byte) (bool, error) {
	s := c.s
	n := min(len(b), s.left)
	if n == 0 {
		return false, nil
	}
	b = b[:n]
	s.r += n
	s.left -= n
	if !s.data.on {
		return true, nil
	}
	if over := s.left - s.data.pad; over < 0 {
		b = b[:max(0, n+over)] // the rest is padding
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.table.find(s.frame.stream)
	switch {
	case st == nil: // it was reset meanwhile
		c.giveBack(int64(len(b)))
		s.data.on = s.left > 0
		return true, nil
	case st.body.unwanted:
		c.giveBack(int64(len(b)))
	case len(b) > 0:
		st.body.add(b)
		st.body.waitingAt = 0
		c.handed = c.handed || st.tunnel != nil
		st.arrived()
	}
	if s.left > 0 {
		return true, nil
	}
	s.data.on = false
	if s.frame.flags&http2.FlagDataEndStream != 0 {
		return true, c.endRequest(st)
	}
	return true, nil
}

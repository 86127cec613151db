package h2

import (
	"bytes"
	"errors"

	"golang.org/x/net/http2"
)

// A controlReader parses the frames of the connection, which are rare: the
// others are parsed in place, since a Framer copies them and allocates.
type controlReader struct {
	from bytes.Reader
	*http2.Framer
}

func (r *controlReader) init() { r.Framer = http2.NewFramer(nil, &r.from) }

// read parses a frame with its header.
func (r *controlReader) read(raw []byte) (http2.Frame, error) {
	r.from.Reset(raw)
	f, err := r.ReadFrame()
	if err != nil {
		r.init() // it keeps an error
		var ce http2.ConnectionError
		if errors.As(err, &ce) {
			switch http2.ErrCode(ce) {
			case http2.ErrCodeFrameSize:
				return nil, errFrameLength
			case http2.ErrCodeFlowControl:
				return nil, errSettingWindow
			}
			return nil, errStreamNotZero
		}
	}
	return f, err
}

// takeControl acts on a frame of the connection, or on one of priority.
func (c *conn) takeControl(raw []byte) error {
	f, err := c.s.control.read(raw)
	if err != nil {
		return err
	}
	switch f := f.(type) {
	case *http2.SettingsFrame:
		c.settled = true
		if err := c.guard.spend(c.now(), costSettings); err != nil {
			return err
		}
		return c.takeSettings(f)
	case *http2.PingFrame:
		return c.takePing(f)
	case *http2.PriorityFrame: // of RFC 7540, which has no meaning any more
		if f.StreamDep == f.StreamID {
			return c.badStream(f.StreamID, errCodeProtocol)
		}
	case *http2.PriorityUpdateFrame:
		return c.takePriorityUpdate(f)
	}
	return c.guard.spend(c.now(), costPriority)
}

// takePriorityUpdate changes the priority of a stream (RFC 9218 §7.1). For one
// that is not there, it is not kept.
func (c *conn) takePriorityUpdate(f *http2.PriorityUpdateFrame) error {
	if f.PrioritizedStreamID%2 == 0 {
		return errPriorityUpdate
	}
	c.prioritises = true
	c.mu.Lock()
	if st := c.table.find(f.PrioritizedStreamID); st != nil {
		c.reprioritise(st, parsePriority([]byte(f.Priority)))
	}
	c.mu.Unlock()
	return c.guard.spend(c.now(), costPriority)
}

func (c *conn) takePing(f *http2.PingFrame) error {
	if f.IsAck() {
		return c.pinged(&f.Data)
	}
	c.mu.Lock()
	o := c.out()
	o.buf = appendPing(o.buf, http2.FlagPingAck, &f.Data)
	c.mu.Unlock()
	return c.guard.spend(c.now(), costPing)
}

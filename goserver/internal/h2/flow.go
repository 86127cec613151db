package h2

import "time"

// A receiveWindow is what the peer may send on the connection. It grows while
// handlers take what comes as fast as it comes, so that one stream of a long
// path can fill it.
type receiveWindow struct {
	size  int64 // of the whole window
	open  int64 // what of it the peer may use now
	taken int64 // given back by handlers, but not yet to the peer
	at    time.Duration
}

// fastWindow is the coarse time within which a window that was used up grows.
const fastWindow = 500 * time.Millisecond

// giveBack opens the connection's window again by n bytes, which a handler has
// read or nobody will. The peer is told when it has come to half of it.
func (c *conn) giveBack(n int64) {
	w := &c.window
	w.taken += n
	if n == 0 || c.dead || w.taken < w.size/2 {
		return
	}
	now := c.e.cfg.Clock.Now()
	if now-w.at < fastWindow && w.size < c.e.cfg.MaxConnWindow {
		grow := min(w.size, c.e.cfg.MaxConnWindow-w.size)
		w.size += grow
		w.taken += grow
	}
	w.at = now
	c.openWindow(w.taken)
	w.taken = 0
}

func (c *conn) openWindow(n int64) {
	c.window.open += n
	o := c.out()
	o.buf = appendWindowUpdate(o.buf, 0, uint32(n))
}

// giveBackStream opens the window of a stream again by n bytes that its handler
// has read.
func (c *conn) giveBackStream(st *stream, n int64) {
	c.giveBack(n)
	b := &st.body
	b.taken += n
	if st.remoteDone || st.reset || c.dead || b.taken < int64(c.e.cfg.StreamWindow)/2 {
		return
	}
	b.open += b.taken
	o := c.out()
	o.buf = appendWindowUpdate(o.buf, st.id, uint32(b.taken))
	b.taken = 0
}

// openSend opens a window of the peer's: that of the connection for stream 0.
func (c *conn) openSend(id, n uint32) error {
	if id == 0 {
		if n == 0 {
			return errWindowZero
		}
		if c.sendWindow += int64(n); c.sendWindow > maxWindow {
			return errSendWindow
		}
		return nil
	}
	st := c.table.find(id)
	if st == nil {
		if c.idle(id) {
			return errStreamIdle
		}
		if n == 0 {
			return c.lateError(id, errCodeProtocol)
		}
		return nil // it has just closed
	}
	if n == 0 {
		return c.streamError(st, errCodeProtocol)
	}
	if st.sendWindow += int64(n); st.sendWindow > maxWindow {
		return c.streamError(st, errCodeFlowControl)
	}
	c.ready(st)
	return nil
}

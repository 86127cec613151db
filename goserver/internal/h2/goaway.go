package h2

import (
	"time"

	"golang.org/x/net/http2"
)

// goAwayState says how far the gentle end of a connection has come (RFC 9113 §6.8).
type goAwayState uint8

const (
	goAwayNone  goAwayState = iota
	goAwayFirst             // announced: what the peer has sent before it knew still comes
	goAwayFinal             // streams beyond the last one are not served
)

// goAwayGrace is how long a peer that does not answer PING may open streams
// after the first GOAWAY.
const goAwayGrace = time.Second

// drainPing is the payload of the PING behind the first GOAWAY.
var drainPing = [8]byte{'d', 'r', 'a', 'i', 'n'}

// drain begins and ends the gentle end of a connection when it is time. c.mu is
// held; it may be released meanwhile.
func (c *conn) drain() error {
	if c.goaway == goAwayNone && c.settled && c.ends() {
		c.firstGoAway()
		c.flush()
	}
	if c.goaway == goAwayFinal && c.active == 0 {
		return errDrained
	}
	return nil
}

// ends reports that the connection is to end. One that is only to serve no second request serves
// its first: clients take a connection that begins with GOAWAY for none.
func (c *conn) ends() bool {
	cfg := c.e.cfg.Config
	return c.closeAfter || cfg.Draining() && (c.lastID > 0 || !cfg.KeepAlivesOff())
}

func (c *conn) firstGoAway() {
	o := c.out()
	o.buf = appendGoAway(o.buf, maxWindow, http2.ErrCodeNo, "")
	o.buf = appendPing(o.buf, 0, &drainPing)
	c.goaway = goAwayFirst
	c.goawayBy = c.e.cfg.Clock.Until(goAwayGrace)
}

func (c *conn) finalGoAway() {
	if c.goaway == goAwayFirst {
		c.goaway, c.goawayBy, c.goawayID = goAwayFinal, 0, c.lastID
		o := c.out()
		o.buf = appendGoAway(o.buf, c.lastID, http2.ErrCodeNo, "")
	}
}

// lastServed is the last stream that a GOAWAY may name: no later one than a GOAWAY before
// it (RFC 9113 §6.8).
func (c *conn) lastServed() uint32 {
	if c.goaway == goAwayFinal {
		return c.goawayID
	}
	return c.lastID
}

// Drain tells the connections that wait with streams open, or rest, that they are to end.
// Those that are at work, or have no streams, find out by themselves. It is
// called when Config.Draining has become true.
func (e *Engine) Drain() {
	e.mu.Lock()
	waiting := make([]*conn, 0, len(e.waiting))
	for c := range e.waiting {
		waiting = append(waiting, c)
	}
	e.mu.Unlock()
	for _, c := range waiting {
		c.mu.Lock()
		if (c.s != nil || c.active > 0) && !c.dead && c.goaway == goAwayNone {
			c.firstGoAway()
			c.rearm(c.goawayBy)
			c.flush()
		}
		c.mu.Unlock()
	}
}

// enter puts a connection among those that Drain tells, before it waits with
// streams open. c.mu is not held.
func (e *Engine) enter(c *conn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.waiting == nil {
		e.waiting = make(map[*conn]struct{})
	}
	e.waiting[c] = struct{}{}
	c.waiting = true
}

// leave takes it out again: it is about to be parked, or closed.
func (e *Engine) leave(c *conn) {
	if c.waiting {
		c.waiting = false
		e.mu.Lock()
		delete(e.waiting, c)
		e.mu.Unlock()
	}
}

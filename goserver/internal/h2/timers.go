package h2

import (
	"os"
	"time"

	"golang.org/x/net/http2"

	"github.com/hyperion-server/hyperion/goserver/internal/netio"
	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// The times of a connection and its streams are coarse, and no timer runs for
// them: the reader waits no longer than the next of them, and then looks at all.

// expiry is when something must have happened on a stream, or 0.
func (st *stream) expiry() (at time.Duration) {
	if st.tunnel != nil {
		return st.tunnel.expiry()
	}
	cfg := &st.c.e.cfg
	if !st.remoteDone {
		at = st.readBy
		if st.body.waitingAt > 0 && cfg.BodyIdle > 0 {
			at = semantics.Earlier(at, st.body.waitingAt+cfg.BodyIdle+netio.SweepInterval)
		}
	}
	if !st.localDone {
		at = semantics.Earlier(at, st.writeBy)
		if st.stalledAt > 0 && cfg.WriteStall > 0 {
			at = semantics.Earlier(at, st.stalledAt+cfg.WriteStall+netio.SweepInterval)
		}
	}
	return at
}

// wait arms the reader's wait. c.mu is held.
func (c *conn) wait() {
	at := semantics.Earlier(c.partialBy, c.goawayBy)
	at = semantics.Earlier(at, c.pingAt())
	for st := range c.streams() {
		at = semantics.Earlier(at, st.expiry())
	}
	if c.active == 0 && c.writing { // it may be idle when that has left
		at = semantics.Earlier(at, c.now()+1)
	}
	c.expiry = at
	c.nc.ReadExpiry(at)
}

// rearm shortens the reader's wait, if it waits. c.mu is held.
func (c *conn) rearm(at time.Duration) {
	if at != 0 && !c.busy.Load() && !c.dead && semantics.Earlier(at, c.expiry) != c.expiry {
		c.expiry = at
		c.nc.ReadExpiry(at)
	}
}

// overdue reports that a time has passed until which the reader would have waited: one
// that always finds something to read does not come to wait. c.mu is held.
func (c *conn) overdue() bool { return c.expiry != 0 && c.expiry <= c.now() }

// tick acts on the times that have passed. c.mu is held.
func (c *conn) tick() error {
	now := c.now()
	passed := func(at time.Duration) bool { return at != 0 && at <= now }
	if passed(c.partialBy) {
		c.e.cfg.Counters.TimedOut.Add(1)
		if !c.settled {
			return errPrefaceTime
		}
		return errHeaderTime
	}
	if passed(c.goawayBy) {
		c.finalGoAway()
	}
	if passed(c.pingAt()) {
		if err := c.askForLife(); err != nil {
			return err
		}
	}
	for st := range c.streams() {
		if passed(st.expiry()) {
			c.expire(st, now)
		}
	}
	return nil
}

// expire acts on a stream's time that has passed.
func (c *conn) expire(st *stream, now time.Duration) {
	if st.tunnel != nil {
		st.tunnel.expire(now)
		return
	}
	late := func(at time.Duration) bool { return at != 0 && at <= now }
	b := &st.body
	idle := b.waitingAt > 0 && c.e.cfg.BodyIdle > 0 && late(b.waitingAt+c.e.cfg.BodyIdle+netio.SweepInterval)
	switch {
	case !st.remoteDone && st.running && (late(st.readBy) || idle):
		c.e.cfg.Counters.TimedOut.Add(1)
		b.fail(errReadExpired) // the handler answers, or conclude does
		c.giveBack(b.discard())
		st.readBy, b.waitingAt = 0, 0
		st.receivable.Broadcast()
	case st.localDone && !st.running:
		c.resetStream(st, http2.ErrCodeNo)
	case !st.localDone && late(st.writeBy):
		c.writeLate(st)
	default:
		c.e.cfg.Counters.TimedOut.Add(1)
		c.resetStream(st, http2.ErrCodeCancel)
	}
}

// writeLate ends a stream whose response has not left in time, as net/http does it.
func (c *conn) writeLate(st *stream) {
	c.e.cfg.Counters.TimedOut.Add(1)
	c.passWriteDeadline(st)
}

// passWriteDeadline ends a stream for a time that the server or its handler set,
// unless the whole response is on its way.
func (c *conn) passWriteDeadline(st *stream) {
	if st.localDone {
		return
	}
	if st.err == nil {
		st.err = os.ErrDeadlineExceeded
	}
	c.resetStream(st, http2.ErrCodeInternal)
}

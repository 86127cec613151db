package ws

import (
	"errors"
	"io"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/netio"
	"github.com/hyperion-server/hyperion/wsframe"
)

// keepalive is the payload of the engine's own pings.
const keepalive = "hyperion-keepalive"

// errHeard ends the reading after the peer's Close.
var errHeard = errors.New("websocket: close has come")

// errDead ends the reading of a connection that has ended otherwise.
var errDead = errors.New("websocket: connection has ended")

// control attends to a control frame (RFC 6455 §5.5).
func (c *Conn) control(op wsframe.Opcode, p []byte) error {
	switch op {
	case wsframe.Ping:
		c.writeControl(wsframe.Pong, p)
		c.tell(c.o.Ping, p)
	case wsframe.Pong:
		if string(p) == keepalive && c.pingWaits {
			c.route.observePing(c.env().Clock.Exact() - c.pingAt)
			c.pingWaits = false
		}
		c.tell(c.o.Pong, p)
	case wsframe.Close:
		return c.heardClose(p)
	}
	return nil
}

// tell tells the program of a control frame.
func (c *Conn) tell(f func([]byte), p []byte) {
	c.marks.Or(markCalling)
	defer c.marks.And(^uint32(markCalling))
	c.observe(func() { f(p) })
}

// heardClose takes the peer's Close, and answers it with its own code unless it
// answers ours (RFC 6455 §5.5.1).
func (c *Conn) heardClose(p []byte) error {
	code, reason, err := wsframe.ParseClose(p)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answered = true
	if c.status == open {
		answer := code
		if code == wsframe.CloseNoStatus {
			answer = wsframe.CloseNormal
		}
		c.because(&CloseError{Code: code, Reason: string(reason), Remote: true})
		c.queueClose(answer, "")
	}
	return errHeard
}

// silent returns since when the peer has been silent: within a message, since when that has not gone
// on, whatever came beside it.
func (c *Conn) silent() time.Duration {
	if c.incoming != nil && (c.inFrame || c.state.Open()) {
		return c.grown
	}
	return c.heard
}

// due returns when the peer's silence will have lasted too long, or long enough for a
// ping; 0 for never.
func (c *Conn) due() time.Duration {
	var at time.Duration
	if d := c.cfg.IdleTimeout; d > 0 {
		at = c.silent() + d
	}
	if d := c.cfg.PingInterval; d > 0 {
		if ping := max(c.heard, c.pingAt) + d; at == 0 || ping < at {
			at = ping
		}
	}
	return at
}

// attend does what is due. Before silence ends the connection, one more read looks whether
// something has come as the time passed.
func (c *Conn) attend() {
	now := c.now()
	if d := c.cfg.IdleTimeout; d > 0 && now >= c.silent()+d {
		if !c.looked {
			c.looked = true
			return
		}
		c.startClose(wsframe.CloseGoingAway, "idle timeout")
		c.heard = now // once is enough: now its own timer runs
		if c.incoming != nil {
			c.grown = now
		}
		return
	}
	if d := c.cfg.PingInterval; d > 0 && now >= max(c.heard, c.pingAt)+d {
		c.pingAt, c.pingWaits = c.env().Clock.Exact(), true
		c.writeControl(wsframe.Ping, []byte(keepalive))
	}
}

// startClose begins the closing handshake, if nobody has.
func (c *Conn) startClose(code wsframe.CloseCode, reason string) {
	c.mu.Lock()
	c.startCloseLocked(code, reason)
	c.mu.Unlock()
	c.leave()
}

func (c *Conn) startCloseLocked(code wsframe.CloseCode, reason string) {
	if c.status != open {
		return
	}
	c.because(&CloseError{Code: code, Reason: reason})
	c.ending.timer = time.AfterFunc(c.closeTimeout(), c.closeLate)
	c.queueClose(code, reason)
}

func (c *Conn) closeTimeout() time.Duration {
	if d := c.cfg.CloseTimeout; d > 0 {
		return d
	}
	return time.Hour
}

// closeLate ends a closing handshake that has taken too long.
func (c *Conn) closeLate() {
	c.mu.Lock()
	c.lost(ErrCloseTimeout)
	c.mu.Unlock()
	c.leave()
}

// queueClose queues our Close, behind which nothing may follow. mu is held.
func (c *Conn) queueClose(code wsframe.CloseCode, reason string) {
	c.status = closing
	var room [wsframe.MaxControl]byte
	p, err := wsframe.AppendClose(room[:0], code, reason)
	if err != nil { // never of what the program gave: that was checked
		p, _ = wsframe.AppendClose(room[:0], wsframe.CloseInternalError, "")
	}
	c.queueControl(wsframe.Close, p)
	c.wakeWriters()
}

// lingerTime is how long a connection that failed is still read, so that the peer gets
// Close rather than a reset.
const lingerTime = time.Second

// finish ends the connection for who reads it, because of err. What is queued leaves
// before, as far as the peer takes it.
func (c *Conn) finish(err error) {
	linger := false
	c.mu.Lock()
	var rule *wsframe.Error
	switch {
	case c.dead.Load():
	case err == errHeard:
	case errors.As(err, &rule):
		linger = true
		if c.status == open {
			c.because(&CloseError{Code: rule.Code(), Reason: rule.Reason()})
			c.queueClose(rule.Code(), rule.Reason())
		}
	case err == io.EOF: // the peer may read still what was said to it
		c.because(io.ErrUnexpectedEOF)
	default:
		c.lost(err)
	}
	c.status = closed
	c.flush()
	if e := c.theEnding(); e.timer == nil && !c.dead.Load() {
		e.timer = time.AfterFunc(c.closeTimeout(), c.closeLate)
	}
	for (c.writing || c.queued() > 0) && !c.dead.Load() {
		c.awaitWrite()
	}
	cut := c.dead.Swap(true)
	c.endStream()
	c.mu.Unlock()
	if linger && !cut && c.t.CloseWrite() == nil {
		c.discard()
	}
}

// discard reads until the peer has ended its side.
func (c *Conn) discard() {
	p := take(readSmall)
	defer give(p)
	c.t.ReadExpiry(c.env().Clock.Until(lingerTime))
	for {
		if _, err := c.t.Read((*p)[:cap(*p)]); err != nil {
			return
		}
	}
}

// expired reports whether a read failed because its time has passed.
func expired(err error) bool { return err == netio.ErrReadExpired }

package ws

import (
	"github.com/hyperion-server/hyperion/wsframe"
)

// Close begins the closing handshake, if nobody has, and waits until the connection has
// ended: for the peer's Close, at most Config.CloseTimeout. It returns nil if that came.
// A callback of the engine, which could not hear of it, does not wait.
func (c *Conn) Close(code wsframe.CloseCode, reason string) error {
	var room [wsframe.MaxControl]byte
	if _, err := wsframe.AppendClose(room[:0], code, reason); err != nil {
		return err
	}
	c.startClose(code, reason)
	if c.h != nil {
		return nil
	}
	c.drain()
	return c.wait()
}

// drain reads what comes until the connection has ended, unless somebody reads already.
func (c *Conn) drain() {
	for !c.dead.Load() && c.rd.TryLock() {
		c.streamed = false
		err := c.message()
		c.exit()
		if err != nil && !c.interrupted(err) {
			return
		}
		if err != nil { // the program's deadline is not ours
			c.deadline.Store(0)
		}
	}
}

// wait waits until the connection has ended.
func (c *Conn) wait() error {
	c.mu.Lock()
	ended := c.ended
	if !ended && c.done == nil {
		c.done = make(chan struct{})
	}
	done := c.done
	c.mu.Unlock()
	if !ended {
		<-done
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.answered:
		return nil
	case isClose(c.err):
		return ErrCloseTimeout
	}
	return c.err
}

// Ping sends a ping.
func (c *Conn) Ping(p []byte) error {
	if len(p) > wsframe.MaxControl {
		return ErrControlTooLong
	}
	defer c.leave()
	return c.writeControl(wsframe.Ping, p)
}

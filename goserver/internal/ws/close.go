package ws

import (
	"context"
	"net"

	"github.com/hyperion-server/hyperion/wsframe"
)

// Close begins the closing handshake, if nobody has, and waits until the connection has
// ended: for the peer's Close, at most Config.CloseTimeout. It returns nil if that came. CloseNoStatus
// stands for a Close without code.
// It does not wait where the engine reads; nor while a callback for a ping or pong runs, which
// may be what has called it: who reads hears of the end then.
func (c *Conn) Close(code wsframe.CloseCode, reason string) error {
	var room [wsframe.MaxControl]byte
	if _, err := wsframe.AppendClose(room[:0], code, reason); err != nil {
		return err
	}
	c.startClose(code, reason)
	if c.driven || c.marked(markCalling) {
		return nil
	}
	c.drain()
	return c.wait()
}

// drain reads what comes, and drops it, until the connection has ended, unless somebody
// reads already.
func (c *Conn) drain() {
	if !c.rd.TryLock() {
		return
	}
	defer c.exit()
	c.bind(context.Background())
	c.disown()
	if c.msg != nil {
		give(c.msg)
		c.msg = nil
	}
	if c.streamed && c.compressed {
		c.z.inflate.Reset()
	}
	c.streamed = false
	for c.over == nil {
		c.deadline.Store(0) // the program's is not ours
		c.failed(c.skip())
	}
}

// skip consumes frames, until that fails.
func (c *Conn) skip() error {
	for {
		whole := c.inFrame
		if !whole {
			var err error
			if whole, err = c.begin(); err != nil {
				return err
			}
		}
		if whole {
			c.piece()
			c.inFrame = c.rest > 0
		}
		if whole && !c.inFrame {
			continue
		}
		if err := c.fill(); err != nil {
			return err
		}
	}
}

// wait waits until the connection has ended.
func (c *Conn) wait() error {
	c.mu.Lock()
	ended := c.ended
	end := c.theEnding()
	if !ended && end.done == nil {
		end.done = make(chan struct{})
	}
	c.mu.Unlock()
	if !ended {
		<-end.done
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.answered:
		return nil
	case isClose(end.err):
		return ErrCloseTimeout
	}
	return end.err
}

// Ping sends a ping, beyond a full queue if need be: controlBytes at most, then it fails with
// ErrQueueFull, which costs the connection nothing.
func (c *Conn) Ping(p []byte) error {
	if len(p) > wsframe.MaxControl {
		return ErrControlTooLong
	}
	defer c.leave()
	return c.writeControl(wsframe.Ping, p)
}

// RemoteAddr returns the peer's address.
func (c *Conn) RemoteAddr() net.Addr { return c.t.RemoteAddr() }

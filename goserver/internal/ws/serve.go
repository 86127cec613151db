package ws

import (
	"net/http"
	"runtime/debug"

	"github.com/hyperion-server/hyperion/wsframe"
)

// Serve reads for the Handler until nothing more is there to be read. It is called when the
// transport has something to read, or its time has passed.
func (c *Conn) Serve() {
	exits := true
	defer func() {
		if exits { // by a callback, of which runtime.Goexit has ended the goroutine
			go c.goOn()
		}
	}()
	c.serve()
	exits = false
}

// goOn serves on, where the goroutine has ended that did.
func (c *Conn) goOn() {
	c.uncork()
	c.Serve()
}

func (c *Conn) serve() {
	c.lend()
	if c.in == nil {
		size := readLarge
		if c.large {
			size = readHuge
		}
		c.in, c.r = take(size), 0
		*c.in = append(*c.in, c.kept...)
		c.kept = nil
	}
	if c.due() > 0 && c.now() >= c.due() {
		c.attend()
	}
	for {
		if err := c.handOut(); err != nil {
			c.stop(err)
			return
		}
		parked, err := c.await()
		if parked {
			return
		}
		if err != nil {
			c.stop(err)
			return
		}
	}
}

// stop ends the engine's reading, because of err.
func (c *Conn) stop(err error) {
	c.finish(err)
	c.marks.Or(markLeft)
	c.leave()
}

// handOut calls the Handler for all messages that have come.
func (c *Conn) handOut() error {
	corked := false
	for {
		whole, err := c.advance()
		if err != nil {
			c.uncork()
			return err
		}
		if !whole {
			break
		}
		if len(c.unread()) > 0 {
			corked = true
			c.cork()
		}
		c.t.MayBlock()
		c.hand()
		if c.dead.Load() {
			return errDead
		}
	}
	if corked {
		c.uncork()
	}
	return nil
}

// hand calls the Handler for a message.
func (c *Conn) hand() {
	c.observe(func() { c.o.(Handler).Message(c.op, c.payload) })
}

// panicked closes the connection of which a callback panicked with v, or ended its
// goroutine. http.ErrAbortHandler asks for no word in the log, here as in a handler.
func (c *Conn) panicked(v any) {
	if v != nil && v != http.ErrAbortHandler {
		c.env().Logf("websocket: panic in a callback: %v\n%s", v, debug.Stack())
	}
	c.startClose(wsframe.CloseInternalError, "")
}

// await reads more. parked tells that there is none yet: then the connection may be served
// by another goroutine already, and c must not be touched.
func (c *Conn) await() (parked bool, err error) {
	c.forget()
	for {
		p, direct := c.space()
		lent, buf, quiet := c.incoming, c.in, c.quiet()
		if quiet {
			c.incoming = nil
		} else if rest := c.unread(); len(rest) > 0 {
			c.kept = append([]byte(nil), rest...)
		}
		lent.in = nil
		n, parked, err := c.t.Next(p, c.due())
		if parked {
			give(buf)
			if quiet {
				*lent = incoming{}
				incomings.Put(lent)
			}
			return true, nil
		}
		c.incoming, lent.in, lent.kept = lent, buf, nil
		switch {
		case err == nil:
			return false, c.came(n, direct)
		case !expired(err):
			return false, err
		}
		c.t.ReadExpiry(0)
		c.attend()
	}
}

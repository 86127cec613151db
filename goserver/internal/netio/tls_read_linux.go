package netio

import (
	"errors"
	"io"
	"syscall"
	"time"
)

// errNoRecord is what crypto/tls gets when no whole record is there. It takes an
// error that is temporary for none of the connection's, and goes on at the next call.
var errNoRecord error = noRecord{}

type noRecord struct{}

func (noRecord) Error() string   { return "netio: no whole TLS record" }
func (noRecord) Timeout() bool   { return true }
func (noRecord) Temporary() bool { return true }

// Read hands out one record at most. During the handshake it waits.
func (w *wire) Read(p []byte) (int, error) {
	c := (*tlsConn)(w)
	for {
		if n := c.in.read(p); n > 0 {
			c.received(p[:n])
			return n, nil
		}
		switch {
		case c.eof || c.detached != nil:
			return c.readRest(p)
		case c.done:
			return 0, errNoRecord
		}
		if err := c.flush(); err != nil { // the flight that the peer is to answer
			return 0, err
		}
		if err := c.fill(); err == syscall.EAGAIN {
			if err = c.wait(); err != nil {
				return 0, err
			}
		} else if err != nil {
			return 0, err
		}
	}
}

// readRest reads where no whole record is needed: at the end, of which
// crypto/tls shall judge, and of a detached connection.
func (c *tlsConn) readRest(p []byte) (int, error) {
	switch n := c.in.rest(p); {
	case n > 0:
		return n, nil
	case c.detached != nil:
		c.in.shrink()
		return c.detached.Read(p)
	}
	return 0, io.EOF
}

// fill reads what the socket has, or fails with EAGAIN.
func (c *tlsConn) fill() error {
	if c.eof {
		return nil
	}
	n, err := c.tryRead(c.in.space())
	if err == io.EOF {
		c.eof = true
		return nil
	}
	c.in.w += n
	return err
}

// take returns what was decrypted, of one record at most, or fails with errNoRecord.
func (c *tlsConn) take(p []byte) (int, error) {
	n, err := c.tc.Read(p)
	c.more = n > 0 && n == len(p)
	if n > 0 {
		c.quiet = false
	}
	if perr := c.pushAnswers(); err == nil || errors.Is(err, errNoRecord) {
		if perr != nil {
			return n, perr
		}
	}
	return n, err
}

func (c *tlsConn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		if err := c.readStop(); err != nil {
			return 0, err
		}
		n, err := c.take(p)
		if err != errNoRecord {
			return n, err
		}
		if err = c.fill(); err == syscall.EAGAIN {
			err = c.wait()
		}
		if err != nil {
			return 0, err
		}
	}
}

func (c *tlsConn) Next(p []byte, idle time.Duration) (int, bool, error) {
	if rested := c.endRest(); c.quiet && !rested {
		idle = c.idleAt
	}
	return c.next(p, idle)
}

func (c *tlsConn) Rest(p []byte) (int, bool, error) {
	c.setFlag(flagRests)
	return c.next(p, 0)
}

func (c *tlsConn) next(p []byte, idle time.Duration) (int, bool, error) {
	look := c.mayHave()
	for {
		if c.more || c.eof || c.in.next() > 0 {
			if err := c.readStop(); err != nil {
				return 0, false, err
			}
			n, err := c.take(p)
			if err != errNoRecord {
				c.firstRead()
				return n, false, err
			}
			continue
		}
		if look {
			err := c.fill()
			look = !c.drained
			if err == nil {
				continue
			}
			if err != syscall.EAGAIN {
				return 0, false, err
			}
		}
		if err := c.flushAnswers(); err != nil {
			return 0, false, err
		}
		if c.unanswered() {
			return 0, false, io.EOF
		}
		if err := c.register(0); err != nil {
			return 0, false, err
		}
		c.quiet, c.idleAt = true, idle
		if c.sleep(idle) {
			return 0, true, nil
		}
		look = true
	}
}

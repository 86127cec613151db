package netio

import (
	"errors"
	"fmt"
	"runtime/debug"
	"syscall"
)

// handshake does the TLS handshake. It returns false when the connection was
// parked, because the client has sent nothing yet, or has ended.
func (c *tlsConn) handshake() bool {
	if err := c.firstBytes(); err != nil {
		if err != errParked {
			c.handshakeFailed(err)
		}
		return false
	}
	c.MayBlock() // it is long, and the program's callbacks are called in it
	returned := false
	defer func() {
		if returned {
			return
		}
		if v := recover(); v != nil { // a callback's; it may also have ended the goroutine
			c.handshakeFailed(fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
			return
		}
		c.handshakeFailed(errors.New("callback ended its goroutine"))
	}()
	c.slot.write.Store(c.slot.read.Load()) // the time is for all of it
	c.observe()
	err := c.tc.Handshake()
	if err == nil {
		err = c.flush()
	}
	returned = true
	if err != nil {
		c.handshakeFailed(err)
		return false
	}
	c.offload()
	c.done = true
	c.fresh = true // the first request has its own time
	c.slot.write.Store(0)
	c.slot.read.Store(int64(c.engine().clock.Until(c.engine().cfg.FirstByte)))
	c.engine().shook(c, c.tc, nil)
	return true
}

// errParked tells that a connection waits for its first bytes, without a goroutine.
var errParked = errors.New("parked")

// firstBytes waits until it is clear whether the client speaks TLS.
func (c *tlsConn) firstBytes() error {
	for {
		if u := c.in.unread(); len(u) >= recordHeader || c.eof {
			return c.judge(u)
		}
		err := c.fill()
		if err != nil && err != syscall.EAGAIN {
			return err
		}
		if err == nil {
			continue
		}
		if err := c.register(0); err != nil {
			return err
		}
		if c.sleep(0) {
			return errParked
		}
	}
}

// recordHandshake is the type of the record that a ClientHello comes in (RFC 8446 §5.1).
const recordHandshake = 22

// judge refuses what is no TLS. A client that says nothing and goes has failed as well.
func (c *tlsConn) judge(first []byte) error {
	switch {
	case len(first) < recordHeader:
		return errNoHello
	case first[0] != recordHandshake:
		return ErrNotTLS
	}
	return nil
}

// errNoHello reports a client that went before it had said anything.
var errNoHello = errors.New("netio: connection closed before a TLS ClientHello")

// handshakeFailed ends the connection, and tells why.
func (c *tlsConn) handshakeFailed(err error) {
	c.MayBlock()
	switch err {
	case ErrReadExpired, ErrWriteExpired:
		err = ErrHandshakeTime
	}
	c.engine().shook(c, c.tc, err)
	c.slot.read.Store(0)
	c.slot.write.Store(0)
	if err == ErrNotTLS && c.engine().cfg.TLS.NotTLS != nil {
		first := c.in.unread()
		answer := c.engine().cfg.TLS.NotTLS(first[:min(len(first), recordHeader)])
		(*wire)(c).Write(answer)
	}
	if all, perr := c.push(false); all && perr == nil && !c.eof {
		c.linger()
	}
	c.End()
}

// linger lets the peer read what it was sent: a close with bytes unread would
// make a reset, which can destroy the alert on its way.
func (c *tlsConn) linger() {
	if c.epollConn.CloseWrite() != nil {
		return
	}
	c.slot.read.Store(int64(c.engine().clock.Until(maxShutdown)))
	for n := 0; n < maxUnread; {
		c.in.r = c.in.w
		err := c.fill()
		if err == syscall.EAGAIN {
			err = c.wait()
		}
		if err != nil || c.eof {
			return
		}
		n += c.in.w
	}
}

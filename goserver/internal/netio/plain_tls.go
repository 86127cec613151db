package netio

import (
	"crypto/tls"
	"errors"
	"fmt"
	"runtime/debug"
)

// handshake does the TLS handshake. It returns false when the connection has ended.
func (c *plainConn) handshake(tc *tls.Conn) bool {
	until := c.engine.clock.Until(c.engine.cfg.TLS.HandshakeTimeout)
	c.ReadExpiry(until)
	c.WriteExpiry(until)
	err := errors.New("callback ended its goroutine")
	shaken := false
	defer func() {
		if shaken {
			return
		}
		if v := recover(); v != nil { // a callback's
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
		c.handshakeFailed(tc, err)
	}()
	err = tc.Handshake()
	if shaken = err == nil; !shaken {
		return false
	}
	c.WriteExpiry(0)
	c.ReadExpiry(c.engine.clock.Until(c.engine.cfg.FirstByte))
	c.idleSince.Store(int64(c.engine.clock.Now()))
	c.idle.Store(true)
	c.engine.shook(c, tc, nil)
	return true
}

// handshakeFailed ends the connection, and tells why.
func (c *plainConn) handshakeFailed(tc *tls.Conn, err error) {
	if c.read.Load() == expired || c.write.Load() == expired {
		err = ErrHandshakeTime
	}
	var record tls.RecordHeaderError
	if errors.As(err, &record) && record.Conn != nil {
		err = ErrNotTLS
	}
	c.engine.shook(c, tc, err)
	if f := c.engine.cfg.TLS.NotTLS; err == ErrNotTLS && f != nil {
		record.Conn.Write(f(record.RecordHeader[:]))
	}
	c.End()
}

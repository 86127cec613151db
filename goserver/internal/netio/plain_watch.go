package netio

import (
	"errors"
	"net"
	"os"
)

func (c *plainConn) Watch(gone func()) {
	c.gone.f.Store(&gone)
	c.watch()
}

func (c *plainConn) Unwatch() { c.gone.f.Store(nil) }

// watch reads one byte ahead to notice that the peer has gone, as nothing else
// tells of a net.Conn. While somebody else reads it does nothing: the sweeper
// will try again.
func (c *plainConn) watch() {
	if c.gone.f.Load() == nil || !c.reading.TryLock() {
		return
	}
	if len(c.early) > 0 || c.earlyErr != nil {
		c.reading.Unlock()
		return
	}
	go func() {
		defer c.reading.Unlock()
		var one [1]byte
		n, err := c.Conn.Read(one[:])
		c.early = append(c.early, one[:n]...)
		if err == nil || errors.Is(err, os.ErrDeadlineExceeded) && !c.aborted.Load() {
			return // a Read wants its turn, or a deadline passed that is for Reads
		}
		c.earlyErr = c.readError(err)
		c.gone.call()
	}()
}

// takeReading locks reading, which only the watch can hold, and ends that.
func (c *plainConn) takeReading() {
	if c.reading.TryLock() {
		return
	}
	c.setDeadlines(func() { c.Conn.SetReadDeadline(longAgo) })
	c.reading.Lock()
	c.setDeadlines(func() {
		if c.read.Load() != expired {
			c.Conn.SetReadDeadline(c.readBy)
		}
	})
}

// An earlyConn is a detached connection of which a watch had read a byte.
type earlyConn struct {
	net.Conn
	early []byte
	err   error
}

func (c *earlyConn) Read(p []byte) (int, error) {
	if len(c.early) > 0 {
		n := copy(p, c.early)
		c.early = c.early[n:]
		return n, nil
	}
	if c.err != nil {
		return 0, c.err
	}
	return c.Conn.Read(p)
}

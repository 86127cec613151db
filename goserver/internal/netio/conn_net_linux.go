package netio

import (
	"errors"
	"net"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// LocalAddr returns an address that connections share when they have the same: it
// is kept with each of them.
func (c *epollConn) LocalAddr() net.Addr {
	a := c.addr(unix.SYS_GETSOCKNAME)
	own, ok := a.(*net.TCPAddr)
	if !ok {
		return a
	}
	last := &c.engine().epoll.local
	if l := last.Load(); l != nil && l.Port == own.Port && l.Zone == own.Zone && l.IP.Equal(own.IP) {
		return l
	}
	last.Store(own)
	return own
}

func (c *epollConn) RemoteAddr() net.Addr {
	if c.remote.IsValid() {
		return net.TCPAddrFromAddrPort(c.remote)
	}
	return c.addr(unix.SYS_GETPEERNAME)
}

func (c *epollConn) addr(call uintptr) net.Addr {
	var sa unix.RawSockaddrAny
	size := uint32(unsafe.Sizeof(sa))
	c.closing.Lock()
	defer c.closing.Unlock()
	if c.fd < 0 {
		return nil
	}
	_, _, errno := syscall.RawSyscall(call, uintptr(c.fd), uintptr(unsafe.Pointer(&sa)), uintptr(unsafe.Pointer(&size)))
	if errno != 0 {
		return nil
	}
	if !c.unix {
		return net.TCPAddrFromAddrPort(addrPort(&sa))
	}
	u := (*unix.RawSockaddrUnix)(unsafe.Pointer(&sa))
	name := make([]byte, 0, len(u.Path))
	for i := 0; i < int(size)-2 && i < len(u.Path) && (u.Path[i] != 0 || i == 0); i++ {
		name = append(name, byte(u.Path[i]))
	}
	if len(name) == 0 {
		name = append(name, '@') // unnamed: what the net package calls it
	} else if name[0] == 0 {
		name[0] = '@'
	}
	return &net.UnixAddr{Name: string(name), Net: "unix"}
}

func (c *epollConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

func (c *epollConn) SetReadDeadline(t time.Time) error {
	return c.deadline(&c.slot.read, c.expireRead, t)
}

func (c *epollConn) SetWriteDeadline(t time.Time) error {
	return c.deadline(&c.slot.write, func() { c.wg.wake() }, t)
}

// deadline sets an expiry from a wall time, for pass to act on. One that is
// closer than the sweeper is precise gets a timer of its own.
func (c *epollConn) deadline(at *atomic.Int64, pass func(), t time.Time) error {
	when, left := int64(0), time.Duration(0)
	if !t.IsZero() {
		if left = time.Until(t); left <= 0 {
			when = expired
		} else {
			when = int64(c.engine().clock.Exact() + left)
		}
	}
	c.closing.Lock()
	ended := c.fd < 0
	if !ended {
		at.Store(when)
	}
	c.closing.Unlock()
	switch {
	case ended:
		return net.ErrClosed
	case when == expired:
		pass()
	case when > 0 && left < 8*SweepInterval:
		time.AfterFunc(left, func() {
			if at.CompareAndSwap(when, expired) { // to the nanosecond: it is still this one
				pass()
			}
		})
	}
	return nil
}

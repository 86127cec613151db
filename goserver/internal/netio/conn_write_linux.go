package netio

import (
	"net"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// writeStop tells why nothing may be written. It looks at the real time, if
// there is a deadline: a write that need not wait must fail after it as well.
func (c *epollConn) writeStop() error {
	if c.fd < 0 {
		return net.ErrClosed
	}
	if c.flags.Load()&flagAborted != 0 {
		return ErrAborted
	}
	if at := c.slot.write.Load(); at == expired || at > 0 && int64(c.engine().clock.Exact()) > at {
		return ErrWriteExpired
	}
	return nil
}

// One system call writes maxWrite bytes at most, since the scheduler cannot take the
// processor back meanwhile. After fairShare bytes without a wait other goroutines may run.
const (
	maxWrite  = 1 << 20
	fairShare = 256 << 10
)

// moved counts bytes that were written at once.
func (c *epollConn) moved(n int) {
	if c.spent += uint32(n); c.spent >= fairShare {
		c.spent = 0
		c.MayBlock()
		runtime.Gosched()
	}
}

func (c *epollConn) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		if err := c.writeStop(); err != nil {
			return done, err
		}
		n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, uintptr(c.fd), uintptr(unsafe.Pointer(&p[done])), uintptr(min(len(p)-done, maxWrite)))
		if errno == 0 {
			done += int(n)
			c.moved(int(n))
			continue
		}
		if err := c.writeFailed("write", errno); err != nil {
			return done, err
		}
	}
	return done, nil
}

// maxVec is how many slices one writev takes; more go in further calls.
const maxVec = 16

func (c *epollConn) Writev(v ...[]byte) (int64, error) {
	var done int64
	for {
		n, rest, err := c.writev(v)
		done += n
		if err != syscall.EAGAIN {
			return done, err
		}
		if err := c.waitWrite(); err != nil {
			return done, err
		}
		v = rest
	}
}

func (c *epollConn) TryWritev(v ...[]byte) (int64, error) {
	n, _, err := c.writev(v)
	if err == syscall.EAGAIN {
		err = nil
	}
	return n, err
}

func (c *epollConn) CanWrite() error { return c.waitWrite() }

// writev writes what leaves without waiting, and fails with EAGAIN when that is not
// all: rest is what is left then.
func (c *epollConn) writev(v [][]byte) (done int64, rest [][]byte, err error) {
	var iov [maxVec]unix.Iovec
	for {
		n := 0
		for i, p := range v {
			if len(p) > 0 {
				iov[n].Base = &p[0]
				iov[n].SetLen(min(len(p), maxWrite))
				if n++; n == maxVec || len(p) >= maxWrite || i == len(v)-1 {
					break
				}
			}
		}
		if n == 0 {
			return done, nil, nil
		}
		if err := c.writeStop(); err != nil {
			return done, v, err
		}
		var r uintptr
		var errno syscall.Errno
		if n == 1 { // the kernel has less to look at
			r, _, errno = syscall.RawSyscall(syscall.SYS_WRITE, uintptr(c.fd), uintptr(unsafe.Pointer(iov[0].Base)), uintptr(iov[0].Len))
		} else {
			r, _, errno = syscall.RawSyscall(syscall.SYS_WRITEV, uintptr(c.fd), uintptr(unsafe.Pointer(&iov[0])), uintptr(n))
		}
		switch errno {
		case 0:
			done += int64(r)
			c.moved(int(r))
			v = advance(v, int(r))
		case syscall.EINTR:
		case syscall.EAGAIN:
			return done, v, syscall.EAGAIN
		default:
			return done, v, os.NewSyscallError("write", errno)
		}
	}
}

// advance drops the first n bytes of the slices, in place.
func advance(v [][]byte, n int) [][]byte {
	for len(v) > 0 && n >= len(v[0]) {
		n -= len(v[0])
		v = v[1:]
	}
	if n > 0 {
		v[0] = v[0][n:]
	}
	return v
}

// writeFailed waits when the peer's window is full and returns nil when the
// call is to be repeated.
func (c *epollConn) writeFailed(call string, errno syscall.Errno) error {
	switch errno {
	case syscall.EINTR:
		return nil
	case syscall.EAGAIN:
		return c.waitWrite()
	}
	return os.NewSyscallError(call, errno)
}

func (c *epollConn) waitWrite() error {
	// Most connections never wait in a write; those that do register for it once.
	if err := c.register(flagWantsOut); err != nil {
		return err
	}
	c.MayBlock()
	w := &c.slot.write
	total := w.Load()
	if total == expired {
		return ErrWriteExpired
	}
	idle := int64(c.engine().clock.Until(c.writeIdle))
	if idle != 0 && (total == 0 || idle < total) {
		if !w.CompareAndSwap(total, idle) {
			return ErrWriteExpired
		}
		err := c.wg.wait(c.writeStop)
		if !w.CompareAndSwap(idle, total) {
			return ErrWriteExpired
		}
		return err
	}
	return c.wg.wait(c.writeStop)
}

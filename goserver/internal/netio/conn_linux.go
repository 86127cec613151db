package netio

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// An epollConn is a connection that is its descriptor and little else: this
// struct is all that an idle one costs, beside its slot in the table.
//
// The descriptor is closed only by who serves the connection, and used by others
// only with closing held, so that a number can never be used after the kernel
// gave it to another connection. The same goes for the slot.
type epollConn struct {
	engine    *Engine
	poller    *poller
	slot      *slot
	rg, wg    gate
	gone      goneFunc // Watch's callback
	state     any
	remote    netip.AddrPort
	writeIdle time.Duration
	parkedAt  time.Duration
	closing   sync.Mutex // held where fd ends, and by others than the server of the connection
	fd        int32      // -1 when closed or detached
	gen       uint32
	flags     atomic.Uint32
	drained   bool
	wantsOut  bool // EPOLLOUT is registered
	unix      bool
}

const (
	flagAborted = 1 << iota
	flagPeerGone
)

func (c *epollConn) Remote() netip.AddrPort { return c.remote }
func (c *epollConn) State() any             { return c.state }
func (c *epollConn) SetState(s any)         { c.state = s }
func (c *epollConn) NetConn() net.Conn      { return nil }
func (c *epollConn) Drained() bool          { return c.drained }

// Read reads first and waits only on EAGAIN.
func (c *epollConn) Read(p []byte) (int, error) {
	for {
		n, err := c.tryRead(p)
		if err != syscall.EAGAIN {
			return n, err
		}
		if err := c.rg.wait(c.readStop); err != nil {
			return 0, err
		}
	}
}

// tryRead reads what is there or fails with EAGAIN. A read that does not fill
// p has taken all there was (epoll(7)), so the next byte makes a new event.
func (c *epollConn) tryRead(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		if c.fd < 0 {
			return 0, net.ErrClosed
		}
		if err := c.readStop(); err != nil {
			return 0, err
		}
		n, _, errno := syscall.RawSyscall(syscall.SYS_READ, uintptr(c.fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
		switch errno {
		case 0:
			c.drained = int(n) < len(p)
			if n == 0 {
				return 0, io.EOF
			}
			return int(n), nil
		case syscall.EAGAIN:
			c.drained = true
			return 0, syscall.EAGAIN
		case syscall.EINTR:
		default:
			return 0, os.NewSyscallError("read", errno)
		}
	}
}

func (c *epollConn) Next(p []byte, idle time.Duration) (int, bool, error) {
	// The event of the bytes just read may have told of the end behind them:
	// then no other will, and it has to be read.
	if c.drained && c.flags.Load()&flagPeerGone == 0 && c.park(idle) {
		return 0, true, nil
	}
	for {
		if n, err := c.tryRead(p); err != syscall.EAGAIN {
			return n, false, err
		}
		if c.park(idle) {
			return 0, true, nil
		}
	}
}

func (c *epollConn) readStop() error {
	if c.flags.Load()&flagAborted != 0 {
		return ErrAborted
	}
	if c.slot.read.Load() == expired {
		return ErrReadExpired
	}
	return nil
}

// writeStop tells why nothing may be written. It looks at the real time, if
// there is a deadline: a write that need not wait must fail after it as well.
func (c *epollConn) writeStop() error {
	if c.fd < 0 {
		return net.ErrClosed
	}
	if c.flags.Load()&flagAborted != 0 {
		return ErrAborted
	}
	if at := c.slot.write.Load(); at == expired || at > 0 && int64(c.engine.clock.Exact()) > at {
		return ErrWriteExpired
	}
	return nil
}

func (c *epollConn) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		if err := c.writeStop(); err != nil {
			return done, err
		}
		n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, uintptr(c.fd), uintptr(unsafe.Pointer(&p[done])), uintptr(len(p)-done))
		if errno == 0 {
			done += int(n)
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
	var iov [maxVec]unix.Iovec
	var done int64
	for {
		n := 0
		for i, p := range v {
			if len(p) > 0 {
				iov[n].Base = &p[0]
				iov[n].SetLen(len(p))
				if n++; n == maxVec || i == len(v)-1 {
					break
				}
			}
		}
		if n == 0 {
			return done, nil
		}
		if err := c.writeStop(); err != nil {
			return done, err
		}
		r, _, errno := syscall.RawSyscall(syscall.SYS_WRITEV, uintptr(c.fd), uintptr(unsafe.Pointer(&iov[0])), uintptr(n))
		if errno != 0 {
			if err := c.writeFailed("writev", errno); err != nil {
				return done, err
			}
			continue
		}
		done += int64(r)
		v = advance(v, int(r))
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

// sendfileMax is how much one sendfile call moves at most: enough to
// amortise the call, little enough that the processor is not held for long.
const sendfileMax = 256 << 10

func (c *epollConn) SendFile(f syscall.Conn, off, n int64) (written int64, err error, handled bool) {
	raw, err := f.SyscallConn()
	if err != nil {
		return 0, err, false
	}
	handled = true
	cerr := raw.Control(func(src uintptr) {
		for written < n {
			if err = c.writeStop(); err != nil {
				return
			}
			// Reading the disk may block: the scheduler is told (no RawSyscall).
			m, serr := syscall.Sendfile(int(c.fd), int(src), &off, int(min(n-written, sendfileMax)))
			switch {
			case serr == nil && m == 0:
				err = ErrFileShrank
				return
			case serr == nil:
				written += int64(m)
			case written == 0 && (serr == syscall.EINVAL || serr == syscall.ENOSYS || serr == syscall.EOPNOTSUPP):
				handled = false
				return
			default:
				errno, _ := serr.(syscall.Errno)
				if err = c.writeFailed("sendfile", errno); err != nil {
					return
				}
			}
		}
	})
	if cerr != nil && err == nil {
		return written, cerr, written > 0
	}
	return written, err, handled
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
	if !c.wantsOut {
		// Most connections never block in a write; those that do register for it once.
		ev := unix.EpollEvent{Events: writeEvents, Fd: c.fd, Pad: int32(c.gen)}
		if err := unix.EpollCtl(c.poller.fd, unix.EPOLL_CTL_MOD, int(c.fd), &ev); err != nil {
			return os.NewSyscallError("epoll_ctl", err)
		}
		c.wantsOut = true
	}
	w := &c.slot.write
	total := w.Load()
	if total == expired {
		return ErrWriteExpired
	}
	idle := int64(c.engine.clock.Until(c.writeIdle))
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

func (c *epollConn) ReadExpiry(at time.Duration)  { c.slot.read.Store(int64(at)) }
func (c *epollConn) WriteExpiry(at time.Duration) { c.slot.write.Store(int64(at)) }
func (c *epollConn) WriteIdle(d time.Duration)    { c.writeIdle = d }

// park gives the connection back to the poller, unless an event came since the
// last one was taken.
func (c *epollConn) park(expiry time.Duration) bool {
	c.slot.read.Store(int64(expiry))
	c.parkedAt = c.engine.clock.Now()
	e := c.engine // once parked, c may be served or closed by another
	if !c.rg.park() {
		c.slot.read.Store(0)
		return false
	}
	if e.aborting.Load() {
		c.expire(0)
	}
	return true
}

// expireRead acts on a read expiry that passed: a parked connection is
// closed, a waiting reader woken.
func (c *epollConn) expireRead() {
	if c.rg.wake() {
		c.closeParked()
	}
}

func (c *epollConn) expire(idle time.Duration) {
	if !c.rg.state.CompareAndSwap(parked, nil) {
		return
	}
	// The connection is ours now.
	if c.engine.clock.Now()-c.parkedAt >= idle && (c.engine.aborting.Load() || !c.readable()) {
		c.closeParked()
		return
	}
	if !c.rg.park() {
		c.serve()
	}
}

// serve hands the connection, which is no longer parked, to a goroutine.
func (c *epollConn) serve() {
	c.drained = false
	c.slot.read.Store(0)
	c.engine.workers.serve(c)
}

// readable reports whether bytes wait in the kernel.
func (c *epollConn) readable() bool {
	var one [1]byte
	n, _, err := unix.Recvfrom(int(c.fd), one[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	return n > 0 && err == nil
}

func (c *epollConn) closeParked() {
	if c.engine.cfg.Expired != nil {
		c.engine.cfg.Expired(c)
	}
	c.End()
}

func (c *epollConn) peerGone() {
	c.setFlag(flagPeerGone)
	c.gone.call()
}

func (c *epollConn) setFlag(f uint32) { c.flags.Or(f) }

func (c *epollConn) Watch(gone func()) {
	c.gone.f.Store(&gone)
	if c.flags.Load()&flagPeerGone != 0 {
		c.gone.call()
	}
}

func (c *epollConn) Unwatch() { c.gone.f.Store(nil) }

func (c *epollConn) Abort() {
	c.setFlag(flagAborted)
	c.closing.Lock()
	if c.fd >= 0 {
		unix.Shutdown(int(c.fd), unix.SHUT_RDWR) // the peer need not wait for a running handler
	}
	c.closing.Unlock()
	c.wg.wake()
	if c.rg.wake() {
		c.closeParked()
	}
}

func (c *epollConn) CloseWrite() error {
	if c.fd < 0 {
		return net.ErrClosed
	}
	return os.NewSyscallError("shutdown", unix.Shutdown(int(c.fd), unix.SHUT_WR))
}

func (c *epollConn) Close() error {
	c.Abort()
	return nil
}

// End closes the descriptor, which also takes it out of the epoll set.
func (c *epollConn) End() {
	if fd := c.leave(); fd >= 0 {
		unix.Close(fd)
	}
}

// leave takes the connection out of the table and returns its descriptor.
func (c *epollConn) leave() int {
	c.closing.Lock()
	fd := c.fd
	if fd >= 0 {
		c.fd = -1
		c.slot.conn.Store(nil)
		c.slot.read.Store(0)
		c.slot.write.Store(0)
	}
	c.closing.Unlock()
	if fd < 0 {
		return -1
	}
	c.Unwatch()
	c.engine.closed()
	return int(fd)
}

func (c *epollConn) Detach() (net.Conn, error) {
	if c.fd < 0 {
		return nil, net.ErrClosed
	}
	if err := unix.EpollCtl(c.poller.fd, unix.EPOLL_CTL_DEL, int(c.fd), nil); err != nil {
		return nil, os.NewSyscallError("epoll_ctl", err)
	}
	f := os.NewFile(uintptr(c.leave()), "")
	defer f.Close() // FileConn has its own duplicate
	return net.FileConn(f)
}

func (c *epollConn) LocalAddr() net.Addr { return c.addr(unix.SYS_GETSOCKNAME) }

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
			when = int64(c.engine.clock.Exact() + left)
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

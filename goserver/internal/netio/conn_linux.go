package netio

import (
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
	poller    *poller
	slot      *slot
	rg, wg    gate
	gone      goneFunc // Watch's callback
	tls       *tlsConn // which this is the socket of, nil without TLS
	state     any
	remote    netip.AddrPort
	writeIdle time.Duration
	parkedAt  time.Duration
	closing   sync.Mutex // held where fd ends, and by others than the server of the connection
	fd        int32      // -1 when closed or detached
	gen       uint32
	flags     atomic.Uint32
	spent     uint32 // bytes written since others last ran; of who writes
	fresh     bool   // nothing was read yet: the expiry is that of the first byte
	drained   bool
	unix      bool
}

const (
	flagAborted    = 1 << iota
	flagPeerGone   // an event told of the peer's end
	flagRegistered // in the epoll set
	flagWantsOut   // in it for EPOLLOUT as well
	flagKept       // see KeepParked
	flagRests      // it was parked by Rest the last time, or is about to be
)

func (c *epollConn) engine() *Engine        { return c.poller.engine }
func (c *epollConn) Remote() netip.AddrPort { return c.remote }
func (c *epollConn) State() any             { return c.state }
func (c *epollConn) SetState(s any)         { c.state = s }
func (c *epollConn) NetConn() net.Conn      { return nil }
func (c *epollConn) Drained() bool          { return c.drained }

// Read reads first, unless the last read has taken all there was, and waits when that is nothing.
func (c *epollConn) Read(p []byte) (int, error) {
	for {
		if c.mayHave() || len(p) == 0 {
			n, err := c.tryRead(p)
			if err != syscall.EAGAIN {
				return n, err
			}
		}
		if err := c.awaitEvent(); err != nil {
			return 0, err
		}
	}
}

// awaitEvent waits for an event in a read. It uses one up also where it fails: what an expiry
// ends may have been told of bytes as well.
func (c *epollConn) awaitEvent() error {
	if err := c.register(0); err != nil {
		return err
	}
	c.MayBlock()
	err := c.rg.wait(c.readStop)
	c.drained = false
	return err
}

// register puts the connection into its epoll set, for the events that every
// wait needs and for those in flag; it does nothing when it is there. What
// came before makes an event, too (epoll_ctl(2) looks), so that this can be left
// until the first wait: a connection that is served and closed at once never
// needs it.
func (c *epollConn) register(flag uint32) error {
	want := flag | flagRegistered
	if c.flags.Load()&want == want {
		return nil
	}
	c.closing.Lock()
	defer c.closing.Unlock()
	have := c.flags.Load()
	if c.fd < 0 {
		return net.ErrClosed
	}
	if have&want == want {
		return nil
	}
	op, events := unix.EPOLL_CTL_MOD, uint32(readEvents)
	if have&flagRegistered == 0 {
		op = unix.EPOLL_CTL_ADD
	}
	if (have|want)&flagWantsOut != 0 {
		events |= unix.EPOLLOUT
	}
	ev := unix.EpollEvent{Events: events, Fd: c.fd, Pad: int32(c.gen)}
	if err := unix.EpollCtl(c.poller.fd, op, int(c.fd), &ev); err != nil {
		return os.NewSyscallError("epoll_ctl", err)
	}
	c.setFlag(want)
	return nil
}

// unregister takes the connection out of its epoll set for good: register will
// find nothing more to do.
func (c *epollConn) unregister() error {
	c.closing.Lock()
	defer c.closing.Unlock()
	if c.flags.Load()&flagRegistered != 0 {
		if err := unix.EpollCtl(c.poller.fd, unix.EPOLL_CTL_DEL, int(c.fd), nil); err != nil {
			return os.NewSyscallError("epoll_ctl", err)
		}
	}
	c.setFlag(flagRegistered | flagWantsOut)
	return nil
}

const readEvents = unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET

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
			if c.drained = int(n) < len(p); !c.drained {
				c.MayBlock() // a peer that sends without end must not keep the others waiting
			}
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

// mayHave reports whether there may be something that no event will tell of: an event was used up and
// not followed by a read that found nothing more, or that of the bytes just read may have told of the end behind them.
func (c *epollConn) mayHave() bool { return !c.drained || c.flags.Load()&flagPeerGone != 0 }

func (c *epollConn) Next(p []byte, idle time.Duration) (int, bool, error) {
	c.endRest()
	return c.next(p, idle)
}

func (c *epollConn) Rest(p []byte) (int, bool, error) {
	c.setFlag(flagRests)
	return c.next(p, 0)
}

// endRest has the connection be parked as by Next. It reports whether it was parked by Rest the last time.
func (c *epollConn) endRest() (rested bool) {
	if rested = c.rests(); rested {
		c.flags.And(^uint32(flagRests))
	}
	return rested
}

// rests reports whether the read expiry is left to ReadExpiry, by Rest.
func (c *epollConn) rests() bool { return c.flags.Load()&flagRests != 0 }

// kept reports whether the connection, when it is parked, is served rather than closed.
func (c *epollConn) kept() bool { return c.flags.Load()&(flagKept|flagRests) != 0 }

func (c *epollConn) next(p []byte, idle time.Duration) (int, bool, error) {
	for {
		if c.mayHave() {
			n, err := c.tryRead(p)
			if err != syscall.EAGAIN {
				c.firstRead()
				return n, false, err
			}
		}
		if err := c.register(0); err != nil {
			return 0, false, err
		}
		if c.park(idle) {
			return 0, true, nil
		}
	}
}

// firstRead ends the wait for the first byte.
func (c *epollConn) firstRead() {
	if c.fresh {
		c.fresh = false
		c.slot.read.Store(0)
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

func (c *epollConn) ReadExpiry(at time.Duration)  { c.slot.read.Store(int64(at)) }
func (c *epollConn) WriteExpiry(at time.Duration) { c.slot.write.Store(int64(at)) }
func (c *epollConn) WriteIdle(d time.Duration)    { c.writeIdle = d }

// park gives the connection back to the poller, unless an event came since the
// last one was taken.
func (c *epollConn) park(expiry time.Duration) bool {
	if !c.fresh && !c.rests() {
		c.slot.read.Store(int64(expiry))
	}
	c.parkedAt = c.engine().clock.Now()
	e := c.engine() // once parked, c may be served or closed by another
	if !c.rg.park() {
		c.drained = false
		c.unexpire()
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
	if !c.rg.wake() {
		return
	}
	// The connection is ours now. It may have been served since the expiry passed, and have a new one.
	if c.slot.read.Load() == expired {
		c.closeParked()
		return
	}
	c.parkAgain()
}

func (c *epollConn) expire(idle time.Duration) {
	if c.kept() && !c.engine().aborting.Load() {
		return
	}
	if !c.rg.state.CompareAndSwap(parked, nil) {
		return
	}
	// The connection is ours now.
	if c.engine().clock.Now()-c.parkedAt >= idle && (c.engine().aborting.Load() || !c.readable()) {
		c.closeParked()
		return
	}
	c.parkAgain()
}

// parkAgain parks a connection as it was, or has it served when an event came meanwhile.
func (c *epollConn) parkAgain() {
	if !c.rg.park() {
		c.engine().workers.do(c.unparked())
	}
}

// unexpire ends the expiry of a connection that is no longer parked, if parking has set it.
func (c *epollConn) unexpire() {
	if !c.fresh && !c.rests() {
		c.slot.read.Store(0)
	}
}

// unparked readies a connection that was parked for whoever serves it.
func (c *epollConn) unparked() *epollConn {
	c.drained = false
	c.unexpire()
	return c
}

func (c *epollConn) work(s Session) {
	if c.tls != nil {
		c.tls.work(s)
		return
	}
	s.Serve(c)
}

// outer returns the connection as sessions know it.
func (c *epollConn) outer() engineConn {
	if c.tls != nil {
		return c.tls
	}
	return c
}

func (c *epollConn) MayBlock()      { c.poller.turn.callNext() }
func (c *epollConn) KeepParked()    { c.setFlag(flagKept) }
func (c *epollConn) isParked() bool { return c.rg.state.Load() == parked }

// readable reports whether bytes wait in the kernel.
func (c *epollConn) readable() bool {
	var one [1]byte
	n, _, err := unix.Recvfrom(int(c.fd), one[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	return n > 0 && err == nil
}

// closeParked ends a connection that was parked, or has it served once more if that
// is what it was kept for.
func (c *epollConn) closeParked() {
	if c.kept() {
		if c.tls != nil {
			c.tls.quiet = false // it is served though no data came
		}
		c.engine().workers.do(c.unparked())
		return
	}
	if c.engine().cfg.Expired != nil {
		c.engine().cfg.Expired(c.outer())
	}
	c.outer().End()
}

func (c *epollConn) peerGone() {
	c.setFlag(flagPeerGone)
	c.gone.call()
}

func (c *epollConn) setFlag(f uint32) { c.flags.Or(f) }

func (c *epollConn) Watch(gone func()) {
	c.gone.f.Store(&gone)
	if c.register(0) != nil || c.flags.Load()&flagPeerGone != 0 { // what cannot be watched counts as gone
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
	c.engine().closed()
	return int(fd)
}

func (c *epollConn) Detach() (net.Conn, error) {
	if c.fd < 0 {
		return nil, net.ErrClosed
	}
	if err := c.unregister(); err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(c.leave()), "")
	defer f.Close() // FileConn has its own duplicate
	return net.FileConn(f)
}

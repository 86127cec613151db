package netio

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// An acceptor takes the connections of one listener, raw: no net.Conn is made.
// Goroutines of the pool take turns in waiting for them (see turn), and each
// serves at once what it accepted: the first request is often there already.
type acceptor struct {
	engine   *Engine
	raw      syscall.RawConn
	gate     gate
	unix     bool
	tls      *tls.Config // nil when the connections are to speak no TLS
	accepted func(Conn)
	turn     turn
	ctx      context.Context // of serveEpoll
	backlog  bool            // what is accepted may have come before the options were set
	last     int             // connections accepted since ctx was done
	burst    int             // connections accepted since others last ran
	ended    chan func()     // gets how it ended, for the caller of Serve
	err      error           // why
}

// serveEpoll serves listeners that are plain TCP or Unix sockets; served is
// false for all others.
func (e *Engine) serveEpoll(ctx context.Context, l net.Listener, conf *tls.Config, accepted func(Conn)) (served bool, err error) {
	var raw syscall.RawConn
	switch l := l.(type) {
	case *net.TCPListener:
		raw, err = l.SyscallConn()
	case *net.UnixListener:
		if l.Addr().Network() != "unix" {
			return false, nil
		}
		raw, err = l.SyscallConn()
	default:
		return false, nil
	}
	if err != nil {
		return true, err
	}
	if err := e.startEpoll(); err != nil {
		return true, err
	}
	_, isUnix := l.(*net.UnixListener)
	a := &acceptor{engine: e, raw: raw, unix: isUnix, tls: conf, accepted: accepted, ctx: ctx, backlog: !isUnix, ended: make(chan func(), 1)}
	a.turn.workers, a.turn.job = &e.workers, a
	return true, a.run()
}

func (e *Engine) listenerReady(fd int32) {
	if a, ok := e.epoll.acceptors.Load(fd); ok {
		a.(*acceptor).gate.wake()
	}
}

func (a *acceptor) run() error {
	s := &a.engine.epoll
	var key int32
	var regErr error
	err := a.raw.Control(func(fd uintptr) {
		if !a.unix {
			setOptions(int(fd)) // Linux copies them to what is accepted, which saves calls for each
		}
		key = int32(fd)
		s.acceptors.Store(key, a)
		ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: int32(fd), Pad: listenerGen}
		regErr = unix.EpollCtl(s.pollers[0].fd, unix.EPOLL_CTL_ADD, int(fd), &ev)
	})
	if err != nil {
		return err
	}
	defer func() {
		s.acceptors.CompareAndDelete(key, a)
		a.raw.Control(func(fd uintptr) {
			unix.EpollCtl(s.pollers[0].fd, unix.EPOLL_CTL_DEL, int(fd), nil)
		})
	}()
	if regErr != nil {
		return fmt.Errorf("netio: listener: epoll_ctl: %w", regErr)
	}
	stop := context.AfterFunc(a.ctx, func() { a.gate.wake() })
	defer stop()
	defer a.noticeClose()()
	a.engine.workers.do(a)
	(<-a.ended)()
	return a.err
}

// acceptBurst is how many connections are accepted before others may run.
const acceptBurst = 16

// work accepts and serves connections until another goroutine has taken its place.
func (a *acceptor) work(s Session) {
	a.turn.come()
	for a.turn.take() {
		c := a.one()
		if c == nil {
			return // and the turn is never released
		}
		a.turn.release()
		a.turn.callNext()
		c.work(s)
	}
}

// setOptions sets what a connection is to have, on it or on its listener.
func setOptions(fd int) {
	// Failing here costs speed or detection of dead peers, never correctness.
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 15)
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 15)
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 9)
}

// noticeClose wakes the acceptor when somebody else closed the listener, which
// makes no event.
func (a *acceptor) noticeClose() (stop func()) {
	quit := make(chan struct{})
	go func() {
		t := time.NewTicker(SweepInterval)
		defer t.Stop()
		for {
			select {
			case <-quit:
				return
			case <-t.C:
				if a.raw.Control(func(uintptr) {}) != nil {
					a.gate.wake()
					return
				}
			}
		}
	}()
	return func() { close(quit) }
}

// lastAccepts is how many connections at most are still accepted when ctx is
// done: what the kernel had accepted by then is served, a flood is not.
const lastAccepts = 4096

// one accepts a connection. With nil accepting has ended. A callback that panics or exits its
// goroutine does so in the goroutine that called Serve, as with net/http.
func (a *acceptor) one() (c *epollConn) {
	end := runtime.Goexit
	defer func() {
		if c != nil {
			return
		}
		if v := recover(); v != nil {
			end = func() { panic(v) }
		}
		a.ended <- end
	}()
	c, err := a.accept()
	if err != nil {
		a.err, end = err, func() {}
	}
	return c
}

// accept waits for a connection and readies it.
func (a *acceptor) accept() (*epollConn, error) {
	for a.last < lastAccepts {
		if a.ctx.Err() != nil {
			a.last++
		}
		if err := a.engine.admit(a.ctx); err != nil {
			return nil, err
		}
		if a.burst++; a.burst > acceptBurst {
			a.burst = 0
			runtime.Gosched()
		}
		fd, remote, err := a.accept4()
		switch {
		case err == nil:
			if c := a.adopt(fd, remote); c != nil {
				return c, nil
			}
		case a.ctx.Err() != nil:
			return nil, context.Cause(a.ctx)
		case errors.Is(err, unix.EAGAIN):
			a.burst, a.backlog = 0, false
			a.gate.wait(func() error { return a.ctx.Err() })
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.ECONNABORTED):
		case errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE), errors.Is(err, unix.ENOBUFS), errors.Is(err, unix.ENOMEM):
			pauseAccept(a.ctx)
		default:
			return nil, err
		}
	}
	return nil, context.Cause(a.ctx)
}

// accept4 takes one connection, or fails with EAGAIN. The descriptor is used
// inside Control, so that the listener cannot be closed under it.
func (a *acceptor) accept4() (fd int, remote netip.AddrPort, err error) {
	cerr := a.raw.Control(func(lfd uintptr) {
		var sa unix.RawSockaddrAny
		size := uint32(unsafe.Sizeof(sa))
		r, _, errno := syscall.RawSyscall6(unix.SYS_ACCEPT4, lfd, uintptr(unsafe.Pointer(&sa)),
			uintptr(unsafe.Pointer(&size)), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
		if errno != 0 {
			err = errno
			return
		}
		fd, remote = int(r), addrPort(&sa)
	})
	if cerr != nil {
		return 0, remote, cerr
	}
	return fd, remote, err
}

// addrPort returns the address and port of an IP socket address, else zero.
func addrPort(sa *unix.RawSockaddrAny) netip.AddrPort {
	port := func(p *uint16) uint16 { b := (*[2]byte)(unsafe.Pointer(p)); return uint16(b[0])<<8 | uint16(b[1]) }
	switch sa.Addr.Family {
	case unix.AF_INET:
		s := (*unix.RawSockaddrInet4)(unsafe.Pointer(sa))
		return netip.AddrPortFrom(netip.AddrFrom4(s.Addr), port(&s.Port))
	case unix.AF_INET6:
		s := (*unix.RawSockaddrInet6)(unsafe.Pointer(sa))
		a := netip.AddrFrom16(s.Addr).Unmap()
		if s.Scope_id != 0 && a.Is6() {
			if ifi, err := net.InterfaceByIndex(int(s.Scope_id)); err == nil {
				a = a.WithZone(ifi.Name)
			}
		}
		return netip.AddrPortFrom(a, port(&s.Port))
	}
	return netip.AddrPort{}
}

// adopt makes a connection of an accepted descriptor and enters it in the
// table. It returns nil for one that is beyond the table, or refused.
func (a *acceptor) adopt(fd int, remote netip.AddrPort) *epollConn {
	e := a.engine
	s := &e.epoll
	if fd >= chunkSize*maxChunks || a.tls != nil && !e.admitHandshake() {
		unix.Close(fd)
		return nil
	}
	if a.backlog {
		setOptions(fd)
	}
	gen := s.gen.Add(1)
	if gen == listenerGen {
		gen = s.gen.Add(1)
	}
	c := a.newConn()
	c.fd, c.gen, c.remote, c.unix, c.fresh = int32(fd), gen, remote, a.unix, true
	c.poller = s.pollers[int(s.next.Add(1))%len(s.pollers)]
	for h := s.high.Load(); int32(fd) > h && !s.high.CompareAndSwap(h, int32(fd)); h = s.high.Load() {
	}
	c.slot = s.slot(c.fd)
	e.opened()
	adopted := false
	defer func() {
		if !adopted {
			c.End()
		}
	}()
	a.accepted(c.outer())
	adopted = true
	first := e.cfg.FirstByte
	if a.tls != nil {
		first = e.cfg.TLS.HandshakeTimeout
	}
	c.slot.read.Store(int64(e.clock.Until(first)))
	c.slot.conn.Store(c)
	if e.aborting.Load() {
		c.Abort() // AbortAll may have been too early to see it
	}
	return c
}

func (a *acceptor) newConn() *epollConn {
	if a.tls != nil {
		return &newTLSConn(a.tls).epollConn
	}
	return new(epollConn)
}

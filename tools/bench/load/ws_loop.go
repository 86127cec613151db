package load

import (
	"context"
	"fmt"
	"syscall"
	"time"
	"unsafe"

	"github.com/hyperion-server/hyperion/wsframe"
	"golang.org/x/sys/unix"
)

// A socketLoop is one epoll loop over WebSockets, for one goroutine.
type socketLoop struct {
	epoll   int
	m       *messages
	sockets map[int32]*socket
	z       *inflation
	buf     []byte
	events  []unix.EpollEvent
	got     func(s *socket, n int) // is called for n messages that have come
	result  Result
}

// A socket is one WebSocket of a loop.
type socket struct {
	fd   int
	in   inbound
	next int             // the message that is sent next
	held int             // messages that are to follow what is in out
	out  []byte          // what the kernel did not take of the last frames
	sent []time.Duration // when the messages that are under way were sent, or should have been
	lost bool
}

// newSocketLoop makes a loop of the descriptors, which stay the caller's. Whoever makes it must close it.
func newSocketLoop(fds []int, m *messages, deflate bool) (*socketLoop, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("load: epoll: %w", err)
	}
	l := &socketLoop{
		epoll: ep, m: m, sockets: make(map[int32]*socket, len(fds)), z: newInflation(len(m.plain[0])),
		buf: make([]byte, 256<<10), events: make([]unix.EpollEvent, 512),
	}
	for i, fd := range fds {
		s := &socket{fd: fd, next: i % len(m.plain)}
		s.in = inbound{m: m, next: s.next, deflate: deflate, pong: func(p []byte) { l.pong(s, p) }}
		unix.SetNonblock(fd, true)
		if err := l.watch(s, unix.EPOLL_CTL_ADD, unix.EPOLLIN); err != nil {
			l.close()
			return nil, err
		}
		l.sockets[int32(fd)] = s
	}
	return l, nil
}

func (l *socketLoop) close() { unix.Close(l.epoll) }

func (l *socketLoop) watch(s *socket, op int, events uint32) error {
	ev := unix.EpollEvent{Events: events, Fd: int32(s.fd)}
	if err := unix.EpollCtl(l.epoll, op, s.fd, &ev); err != nil {
		return fmt.Errorf("load: epoll: %w", err)
	}
	return nil
}

// turn waits for events, for wait at most, and does what they ask for. A wait below a millisecond
// is none, so that the clock is not missed.
func (l *socketLoop) turn(ctx context.Context, wait time.Duration) error {
	n, err := unix.EpollWait(l.epoll, l.events, int(max(wait, 0).Milliseconds()))
	if err == unix.EINTR {
		return nil
	}
	if err != nil {
		return fmt.Errorf("load: epoll: %w", err)
	}
	for _, ev := range l.events[:n] {
		s := l.sockets[ev.Fd]
		if ev.Events&unix.EPOLLOUT != 0 {
			l.writable(s)
		}
		if ev.Events&^unix.EPOLLOUT != 0 {
			l.receive(s)
		}
	}
	return ctx.Err()
}

// receive reads once: who sends much is not to keep the others waiting.
func (l *socketLoop) receive(s *socket) {
	n, e := rawRead(s.fd, l.buf)
	switch {
	case e == syscall.EAGAIN || s.lost:
		return
	case e != 0:
		l.drop(s, fmt.Errorf("load: read: %w", e))
		return
	case n == 0:
		l.drop(s, errClosed)
		return
	}
	l.result.Bytes += int64(n)
	whole, err := s.in.feed(l.buf[:n], l.z)
	if whole > 0 {
		l.got(s, whole)
	}
	if err != nil {
		l.drop(s, err)
	}
}

// send sends the next k messages.
func (l *socketLoop) send(s *socket, k int) {
	if s.held += k; s.out != nil || s.lost {
		return
	}
	for s.held > 0 {
		k := min(s.held, len(l.m.plain))
		p := l.m.frames(s.next, k)
		s.next = (s.next + k) % len(l.m.plain)
		s.held -= k
		if !l.write(s, p) {
			return
		}
	}
}

// write writes p; when it reports false the rest of p is in out, or the socket is lost.
func (l *socketLoop) write(s *socket, p []byte) bool {
	n, e := rawWrite(s.fd, p)
	switch {
	case e == syscall.EAGAIN:
		n = 0
	case e != 0:
		l.drop(s, fmt.Errorf("load: write: %w", e))
		return false
	}
	if n == len(p) {
		return true
	}
	if s.out == nil {
		if err := l.watch(s, unix.EPOLL_CTL_MOD, unix.EPOLLIN|unix.EPOLLOUT); err != nil {
			l.drop(s, err)
			return false
		}
	}
	s.out = p[n:]
	return false
}

// writable writes what is left, and then what was held.
func (l *socketLoop) writable(s *socket) {
	if s.lost || s.out == nil || !l.write(s, s.out) {
		return
	}
	s.out = nil
	if err := l.watch(s, unix.EPOLL_CTL_MOD, unix.EPOLLIN); err != nil {
		l.drop(s, err)
		return
	}
	l.send(s, 0)
}

// pong answers a ping, unless frames are under way: a ping may stay without an answer while
// others come (RFC 6455 §5.5.3), and the servers' are far apart.
func (l *socketLoop) pong(s *socket, payload []byte) {
	if s.out == nil {
		l.write(s, appendFrame(nil, wsframe.Header{Opcode: wsframe.Pong, Fin: true, Masked: true}, payload))
	}
}

// drop counts an error and takes the socket out of the loop; its descriptor stays the caller's.
func (l *socketLoop) drop(s *socket, err error) {
	if s.lost {
		return
	}
	s.lost = true
	l.result.fail(err)
	unix.EpollCtl(l.epoll, unix.EPOLL_CTL_DEL, s.fd, nil)
}

// rawRead and rawWrite do not tell the scheduler, for they do not block: that saves the client
// a tenth of its time.
func rawRead(fd int, p []byte) (int, syscall.Errno) {
	n, _, e := syscall.RawSyscall(syscall.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	return int(n), e
}

func rawWrite(fd int, p []byte) (int, syscall.Errno) {
	n, _, e := syscall.RawSyscall(syscall.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	return int(n), e
}

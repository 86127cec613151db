package load

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// KeepAlive opens n connections with one GET each, keeps one request under way
// on every one of them, and measures for the duration after a warm-up. Unlike
// with wrk, neither accepting nor a cold server is in the figures.
func KeepAlive(ctx context.Context, t Target, n int, warm, duration time.Duration, pids []int) (Result, error) {
	one := asked{t.request(), t.Size}
	return keepAlive(ctx, t, func() asked { return one }, n, warm, duration, pids)
}

// asked is a request and the bytes of body that its answer must have.
type asked struct {
	request []byte
	size    int64
}

// keepAlive is KeepAlive with a function that says what is asked for next, on
// any of the connections; t is what they are opened with.
func keepAlive(ctx context.Context, t Target, next func() asked, n int, warm, duration time.Duration, pids []int) (Result, error) {
	h, err := OpenHerd(ctx, t, n)
	if err != nil {
		return Result{}, err
	}
	defer h.Close()
	l, err := newLoop(next, h.fds)
	if err != nil {
		return Result{}, err
	}
	defer unix.Close(l.epoll)
	if err := l.run(ctx, warm); err != nil {
		return Result{}, err
	}
	l.result, l.taken = Result{}, l.taken[:0]
	m, err := startMeter(pids)
	if err != nil {
		return Result{}, err
	}
	if err := l.run(ctx, duration); err != nil {
		return Result{}, err
	}
	if err := m.stop(&l.result); err != nil {
		return Result{}, err
	}
	l.taken.percentiles(&l.result)
	if h.result.Errors > 0 { // of the opening
		l.result.Errors += h.result.Errors
		l.result.Problem = h.result.Problem
	}
	return l.result, nil
}

// A loop is one epoll loop over connections of which each has a request under way.
type loop struct {
	epoll  int
	next   func() asked
	conns  map[int32]*loopConn
	buf    []byte
	taken  latencies
	result Result
}

type loopConn struct {
	fd     int
	sent   time.Time
	answer answer
}

func newLoop(next func() asked, fds []int) (*loop, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("load: epoll: %w", err)
	}
	l := &loop{
		epoll: ep, next: next, buf: make([]byte, 64<<10),
		conns: make(map[int32]*loopConn, len(fds)), taken: make(latencies, 0, 1<<20),
	}
	for _, fd := range fds {
		unix.SetNonblock(fd, true)
		ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
		if err := unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
			unix.Close(ep)
			return nil, fmt.Errorf("load: epoll: %w", err)
		}
		l.conns[int32(fd)] = &loopConn{fd: fd}
	}
	for _, c := range l.conns {
		l.send(c)
	}
	return l, nil
}

// run turns the loop for a while. Requests stay under way at its end.
func (l *loop) run(ctx context.Context, d time.Duration) error {
	events := make([]unix.EpollEvent, 256)
	for end := time.Now().Add(d); time.Now().Before(end); {
		n, err := unix.EpollWait(l.epoll, events, 100)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("load: epoll: %w", err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		for _, ev := range events[:n] {
			l.receive(l.conns[ev.Fd])
		}
	}
	return nil
}

func (l *loop) send(c *loopConn) {
	ask := l.next()
	c.answer = answer{size: ask.size, head: c.answer.head[:0]}
	c.sent = time.Now()
	if _, err := unix.Write(c.fd, ask.request); err != nil {
		l.drop(c, fmt.Errorf("load: write: %w", err))
	}
}

func (l *loop) receive(c *loopConn) {
	n, err := unix.Read(c.fd, l.buf)
	switch {
	case err == unix.EAGAIN:
		return
	case err != nil:
		l.drop(c, fmt.Errorf("load: read: %w", err))
		return
	case n == 0:
		l.drop(c, errClosed)
		return
	}
	l.result.Bytes += int64(n)
	done, err := c.answer.feed(l.buf[:n])
	if err != nil {
		l.drop(c, err)
		return
	}
	if done {
		l.taken.add(time.Since(c.sent))
		l.result.Requests++
		l.send(c)
	}
}

// drop counts an error and takes the connection out of the loop; the herd
// closes its descriptor.
func (l *loop) drop(c *loopConn, err error) {
	l.result.fail(err)
	unix.EpollCtl(l.epoll, unix.EPOLL_CTL_DEL, c.fd, nil)
}

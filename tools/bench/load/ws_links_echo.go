package load

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/hyperion-server/hyperion/wsframe"
	"golang.org/x/sys/unix"
)

// overLinks is Run over TLS or HTTP/2, with one epoll loop.
func (e Echo) overLinks(ctx context.Context, t Target, m *messages, warm, duration time.Duration, pids []int) (Result, error) {
	if e.Rate > 0 || e.Threads > 1 {
		return Result{}, errInClear
	}
	if e.Deflate && t.Over.HTTP2() {
		return Result{}, errDeflate
	}
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return Result{}, fmt.Errorf("load: epoll: %w", err)
	}
	defer unix.Close(ep)
	var fds []int
	defer func() { closeAll(fds) }()
	run := echoRun{began: time.Now()}
	all := linkLoop{epoll: ep, links: map[int32]*echoLink{}, score: score{run: &run, result: &Result{}, taken: make(latencies, 0, 1<<20)}}
	for i := range e.Conns {
		l, fd, err := openLink(t, i, e.Streams, e.Deflate)
		if err != nil {
			return Result{}, err
		}
		fds = append(fds, fd)
		unix.SetNonblock(fd, true)
		ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
		if err := unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
			return Result{}, fmt.Errorf("load: epoll: %w", err)
		}
		all.links[ev.Fd] = newEchoLink(l, linked(t, e.Streams), m, e.Deflate, &all.score)
		if err := ctx.Err(); err != nil {
			return Result{}, err
		}
	}
	defer run.done.Wait()
	defer run.phase.Store(over)
	run.done.Go(func() {
		runtime.LockOSThread()
		if err := all.closed(ctx, e.Depth); err != nil && ctx.Err() == nil {
			all.result.fail(err)
		}
		run.add(all.score)
	})
	return run.measure(ctx, e, warm, duration, pids)
}

// A linkLoop is one epoll loop over links.
type linkLoop struct {
	score
	epoll int
	links map[int32]*echoLink
}

// closed keeps depth messages under way on each WebSocket.
func (l *linkLoop) closed(ctx context.Context, depth int) error {
	for fd, k := range l.links {
		if err := k.begin(depth); err != nil {
			l.drop(fd, err)
		}
	}
	events := make([]unix.EpollEvent, 256)
	for l.run.phase.Load() != over {
		n, err := unix.EpollWait(l.epoll, events, 20)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("load: epoll: %w", err)
		}
		for _, ev := range events[:n] {
			if err := l.links[ev.Fd].serve(); err != nil {
				l.drop(ev.Fd, err)
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// drop counts an error and takes the link out of the loop; its descriptor stays open.
func (l *linkLoop) drop(fd int32, err error) {
	l.result.fail(err)
	unix.EpollCtl(l.epoll, unix.EPOLL_CTL_DEL, int(fd), nil)
}

// An echoLink is a link whose server sends every message back.
type echoLink struct {
	link
	*score
	m       *messages
	z       *inflation
	sockets []*socket
}

func newEchoLink(l link, sockets int, m *messages, deflate bool, all *score) *echoLink {
	k := &echoLink{link: l, score: all, m: m, z: newInflation(len(m.plain[0]))}
	for i := range sockets {
		s := &socket{next: i % len(m.plain)}
		s.in = inbound{m: m, next: s.next, deflate: deflate, pong: func(p []byte) { k.pong(i, p) }}
		k.sockets = append(k.sockets, s)
	}
	return k
}

func (k *echoLink) begin(depth int) error {
	for i := range k.sockets {
		if err := k.sendNow(i, depth, time.Since(k.run.began)); err != nil {
			return err
		}
	}
	return k.flush()
}

// serve takes all that has come. What is sent for it leaves afterwards: so no more than is under way comes before
// others have their turn.
func (k *echoLink) serve() error {
	for {
		i, p, err := k.receive()
		if err == errLater {
			return k.flush()
		}
		if err != nil {
			return fmt.Errorf("load: read: %w", err)
		}
		k.result.Bytes += int64(len(p))
		whole, err := k.sockets[i].in.feed(p, k.z)
		if err != nil {
			return err
		}
		if whole == 0 {
			continue
		}
		now, err := k.took(k.sockets[i], whole)
		if err != nil {
			return err
		}
		if err := k.sendNow(i, whole, now); err != nil {
			return err
		}
	}
}

// sendNow sends n messages whose latency counts from a time.
func (k *echoLink) sendNow(i, n int, from time.Duration) error {
	s := k.sockets[i]
	for range n {
		s.sent = append(s.sent, from)
	}
	for n > 0 {
		some := min(n, len(k.m.plain))
		if err := k.send(i, k.m.frames(s.next, some)); err != nil {
			return err
		}
		s.next = (s.next + some) % len(k.m.plain)
		n -= some
	}
	return nil
}

func (k *echoLink) pong(i int, payload []byte) {
	k.send(i, appendFrame(nil, wsframe.Header{Opcode: wsframe.Pong, Fin: true, Masked: true}, payload))
}

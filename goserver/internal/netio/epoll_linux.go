package netio

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// eventBatch is how many events one system call takes, and eventBurst how many
// are handed out before other goroutines may run, if there always are some.
const (
	eventBatch = 128
	eventBurst = 64
)

// pollersPer is how many processors share a poller. One poller hands out some
// millions of wake-ups a second.
const pollersPer = 8

// epollSet is an Engine's own epoll instances and its table of connections.
//
// Each epoll descriptor waits in Go's network poller, so that no thread blocks
// in epoll_wait and the scheduler wakes who waits for it as it would any reader;
// connections are registered once, edge-triggered, for as long as they live.
type epollSet struct {
	mu        sync.Mutex
	pollers   []*poller
	next      atomic.Uint32
	acceptors sync.Map // by descriptor: the *acceptor of each listener
	gen       atomic.Uint32
	high      atomic.Int32 // highest descriptor ever in the table
	chunks    [maxChunks]atomic.Pointer[chunk]
	local     atomic.Pointer[net.TCPAddr] // the last that a connection had
}

// The table is indexed by descriptor: the kernel hands out the lowest free
// number, so it stays as dense as the connections are many.
const (
	chunkSize = 1 << 10
	maxChunks = 1 << 12 // 4 Mi descriptors
)

type chunk [chunkSize]slot

// A slot holds what the sweeper looks at, apart from the connection, so that a
// sweep over idle connections reads memory in order.
type slot struct {
	conn  atomic.Pointer[epollConn]
	read  atomic.Int64 // read or idle expiry on the coarse clock; 0 none, expired when it passed
	write atomic.Int64
}

func (s *epollSet) slot(fd int32) *slot {
	p := &s.chunks[fd/chunkSize]
	c := p.Load()
	if c == nil {
		p.CompareAndSwap(nil, new(chunk))
		c = p.Load()
	}
	return &c[fd%chunkSize]
}

// lookup returns the connection of an event, or nil when it has gone.
func (s *epollSet) lookup(fd int32, gen uint32) *epollConn {
	c := s.slot(fd).conn.Load()
	if c == nil || c.gen != gen {
		return nil
	}
	return c
}

func (e *Engine) eachSlot(f func(*slot, *epollConn)) {
	high := e.epoll.high.Load()
	for i := int32(0); i <= high/chunkSize; i++ {
		ch := e.epoll.chunks[i].Load()
		if ch == nil {
			continue
		}
		for j := range ch {
			if c := ch[j].conn.Load(); c != nil {
				f(&ch[j], c)
			}
		}
	}
}

func (e *Engine) eachEpoll(f func(engineConn)) {
	e.eachSlot(func(_ *slot, c *epollConn) { f(c.outer()) })
}

// sweepEpoll acts on the expiries that passed.
func (e *Engine) sweepEpoll(now time.Duration) {
	e.eachSlot(func(s *slot, c *epollConn) {
		if at := s.read.Load(); at > 0 && at <= int64(now) && s.read.CompareAndSwap(at, expired) {
			c.expireRead()
		}
		if at := s.write.Load(); at > 0 && at <= int64(now) && s.write.CompareAndSwap(at, expired) {
			c.wg.wake()
		}
	})
}

// A poller waits on one epoll instance and hands out its events: goroutines of
// the pool take turns in waiting (see turn), and serve what they find themselves.
type poller struct {
	engine *Engine
	fd     int
	file   *os.File // owns fd
	raw    syscall.RawConn
	turn   turn
	look   func(fd uintptr) bool // fetch, bound once
	done   chan struct{}         // closed when the wait has ended for good

	// Of whoever has the turn.
	events  [eventBatch]syscall.EpollEvent
	next, n int  // events[next:n] are to be handed out
	burst   int  // events handed out since others last ran
	shared  bool // there was another processor at the start, to share the events with
}

// listenerGen marks the events of listeners; connections count from 1.
const listenerGen = 0

func (e *Engine) startEpoll() error {
	s := &e.epoll
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pollers != nil {
		return nil
	}
	n := (runtime.GOMAXPROCS(0) + pollersPer - 1) / pollersPer
	for range n {
		p, err := newPoller(e)
		if err != nil {
			for _, p := range s.pollers {
				p.stop()
			}
			s.pollers = nil
			return err
		}
		s.pollers = append(s.pollers, p)
	}
	return nil
}

func (e *Engine) stopEpoll() {
	s := &e.epoll
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.pollers {
		p.stop()
	}
	s.pollers = nil
}

func newPoller(e *Engine) (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("netio: epoll_create1: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // os.NewFile puts only these into Go's poller
		unix.Close(fd)
		return nil, fmt.Errorf("netio: epoll descriptor: %w", err)
	}
	p := &poller{engine: e, fd: fd, file: os.NewFile(uintptr(fd), "epoll"), done: make(chan struct{})}
	if p.raw, err = p.file.SyscallConn(); err != nil {
		p.file.Close()
		return nil, fmt.Errorf("netio: epoll descriptor: %w", err)
	}
	p.look, p.shared = p.fetch, runtime.GOMAXPROCS(0) > 1
	p.turn.workers, p.turn.job = &e.workers, p
	e.workers.do(p)
	return p, nil
}

func (p *poller) stop() {
	p.file.Close() // ends the wait in work
	<-p.done
}

// work serves connections until another goroutine has taken its place.
func (p *poller) work(s Session) {
	p.turn.come()
	for p.turn.take() {
		c, err := p.ready()
		if err != nil {
			close(p.done) // and the turn is never released
			return
		}
		share := p.shared && p.next < p.n
		p.turn.release()
		if share {
			p.turn.callNext()
		}
		c.work(s)
	}
}

// ready waits for a parked connection that has something to read.
func (p *poller) ready() (*epollConn, error) {
	for {
		for p.next < p.n {
			p.next++
			if c := p.event(&p.events[p.next-1]); c != nil {
				return c, nil
			}
		}
		if err := p.wait(); err != nil {
			return nil, err
		}
	}
}

// wait fills events.
func (p *poller) wait() error {
	if p.burst += p.n; p.burst >= eventBurst {
		p.burst = 0
		runtime.Gosched()
	}
	p.next, p.n = 0, 0
	return p.raw.Read(p.look)
}

// fetch takes the events that are there, and reports whether there were any.
func (p *poller) fetch(fd uintptr) bool {
	r, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, fd,
		uintptr(unsafe.Pointer(&p.events[0])), uintptr(len(p.events)), 0, 0, 0)
	if errno != 0 {
		r = 0 // EINTR: Go's poller will call again
	}
	p.n = int(r)
	return p.n > 0
}

// event wakes who waits for ev; a connection that was parked it returns, to be
// served.
func (p *poller) event(ev *syscall.EpollEvent) *epollConn {
	if ev.Pad == listenerGen {
		p.engine.listenerReady(ev.Fd)
		return nil
	}
	c := p.engine.epoll.lookup(ev.Fd, uint32(ev.Pad))
	if c == nil {
		return nil
	}
	if ev.Events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		c.peerGone()
	}
	if ev.Events&(unix.EPOLLOUT|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		c.wg.wake()
	}
	if ev.Events&(unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 && c.rg.wake() {
		return c.unparked()
	}
	return nil
}

// A gate is where one goroutine waits for one direction of a connection.
type gate struct{ state atomic.Pointer[waiter] }

type waiter struct{ ch chan struct{} }

// The states of a gate besides a waiting goroutine's own waiter: nil when
// nothing is known, ready when an event came that nobody took yet, and parked
// when no goroutine has the connection.
var (
	ready  = new(waiter)
	parked = new(waiter)
)

var waiters = sync.Pool{New: func() any { return &waiter{make(chan struct{}, 1)} }}

// wake records an event and wakes the waiting goroutine. It reports true when
// the connection was parked: the caller then has it.
func (g *gate) wake() (unparked bool) {
	for {
		w := g.state.Load()
		switch w {
		case ready:
			return false
		case nil:
			if g.state.CompareAndSwap(nil, ready) {
				return false
			}
		case parked:
			if g.state.CompareAndSwap(parked, nil) {
				return true
			}
		default:
			if g.state.CompareAndSwap(w, nil) {
				w.ch <- struct{}{}
				return false
			}
		}
	}
}

// wait blocks until an event. stop is looked at after the wait is announced,
// so that whoever sets what stop sees and then wakes the gate is not missed.
func (g *gate) wait(stop func() error) error {
	w := waiters.Get().(*waiter)
	defer waiters.Put(w)
	for {
		if g.state.CompareAndSwap(ready, nil) {
			return nil
		}
		if g.state.CompareAndSwap(nil, w) {
			break
		}
	}
	if err := stop(); err != nil {
		if !g.state.CompareAndSwap(w, nil) {
			<-w.ch // somebody is waking us just now
		}
		return err
	}
	<-w.ch
	return stop()
}

// park gives the connection up unless an event came meanwhile.
func (g *gate) park() bool {
	for {
		if g.state.CompareAndSwap(nil, parked) {
			return true
		}
		if g.state.CompareAndSwap(ready, nil) {
			return false
		}
	}
}

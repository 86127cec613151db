package load

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hyperion-server/hyperion/tools/bench/proc"
	"golang.org/x/sys/unix"
)

// An Echo is a load of WebSockets whose server sends every message back.
type Echo struct {
	Conns   int
	Streams int  // with HTTP/2: WebSockets on each connection; 0: one
	Depth   int  // messages that are under way on each, without Rate
	Rate    int  // messages a second, of all; 0: one is sent when one has come
	Deflate bool // messages are compressed, each by itself
	Threads int  // that send and receive, each for its share of Conns
}

var (
	errNoLoad  = errors.New("load: connections, depth and threads must be positive")
	errInClear = errors.New("load: only over HTTP/1.1 in clear are messages sent by the clock or by several threads")
)

// Run opens the WebSockets and measures for the duration after a warm-up. Messages have
// t.Size bytes; every one that comes back is compared with what was sent.
//
// With Rate the messages are sent at times that were fixed before, however late the answers
// are, and a latency counts from then: what a slow server keeps from being sent is in it.
func (e Echo) Run(ctx context.Context, t Target, warm, duration time.Duration, pids []int) (Result, error) {
	if e.Conns < 1 || e.Depth < 1 || e.Threads < 1 {
		return Result{}, errNoLoad
	}
	m := newMessages(max(e.Depth, 4), int(t.Size), e.Deflate)
	if t.Over != HTTP1 {
		return e.overLinks(ctx, t, m, warm, duration, pids)
	}
	fds, err := openSockets(ctx, t, e.Conns, e.Deflate)
	defer closeAll(fds)
	if err != nil {
		return Result{}, err
	}
	run := echoRun{began: time.Now()}
	defer run.done.Wait()
	defer run.phase.Store(over)
	for i := range e.Threads {
		if err := run.start(ctx, e, fds[len(fds)*i/e.Threads:len(fds)*(i+1)/e.Threads], m); err != nil {
			return Result{}, err
		}
	}
	return run.measure(ctx, e, warm, duration, pids)
}

// measure takes the server's figures while the messages go to and fro.
func (run *echoRun) measure(ctx context.Context, e Echo, warm, duration time.Duration, pids []int) (Result, error) {
	var busy busyness
	r, err := measured(ctx, warm, duration, pids, func() { busy = begunBusy(); run.phase.Store(measuring) }, func() { run.phase.Store(over) })
	if err != nil {
		return Result{}, err
	}
	r.Note = busy.note()
	run.done.Wait()
	run.taken.percentiles(&r)
	r.Requests, r.Bytes, r.Errors, r.Problem = run.result.Requests, run.result.Bytes, run.result.Errors, run.result.Problem
	if e.Deflate && r.Requests > 0 {
		r.Note += fmt.Sprintf(", %d bytes received a message", r.Bytes/r.Requests)
	}
	return r, nil
}

// openSockets opens n WebSockets one after the other.
func openSockets(ctx context.Context, t Target, n int, deflate bool) (fds []int, err error) {
	request := socketRequest(t, deflate)
	for i := range n {
		fd, err := dialSocket(t, i, request, deflate)
		if err != nil {
			return fds, err
		}
		fds = append(fds, fd)
		if err := ctx.Err(); err != nil {
			return fds, err
		}
	}
	return fds, nil
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}

// Phases of an echoRun.
const (
	warming int32 = iota
	measuring
	over
)

// echoRun is what the threads of one Echo have in common.
type echoRun struct {
	began time.Time
	phase atomic.Int32
	done  sync.WaitGroup

	mu     sync.Mutex // guards what follows
	taken  latencies
	result Result
}

func (run *echoRun) start(ctx context.Context, e Echo, fds []int, m *messages) error {
	l, err := newSocketLoop(fds, m, e.Deflate)
	if err != nil {
		return err
	}
	t := &echoThread{socketLoop: l, score: score{run: run, result: &l.result, taken: make(latencies, 0, 1<<20)}}
	l.got = t.echoed
	run.done.Go(func() {
		runtime.LockOSThread()
		defer l.close()
		if e.Rate > 0 {
			err = t.byClock(ctx, time.Duration(e.Threads)*time.Second/time.Duration(e.Rate))
		} else {
			err = t.closed(ctx, e.Depth)
		}
		if err != nil && ctx.Err() == nil {
			l.result.fail(err)
		}
		run.add(t.score)
	})
	return nil
}

// A score is what one thread or connection has measured.
type score struct {
	run    *echoRun
	taken  latencies
	result *Result
}

// took takes the latencies of n messages that have come on s.
func (t *score) took(s *socket, n int) (now time.Duration, err error) {
	if n > len(s.sent) {
		return 0, errExtra
	}
	now = time.Since(t.run.began)
	if t.run.phase.Load() == measuring {
		if t.result.Requests == 0 {
			t.result.Bytes = 0 // of the warm-up
		}
		t.result.Requests += int64(n)
		for _, from := range s.sent[:n] {
			t.taken.add(now - from)
		}
	}
	s.sent = s.sent[:copy(s.sent, s.sent[n:])]
	return now, nil
}

func (run *echoRun) add(t score) {
	run.mu.Lock()
	defer run.mu.Unlock()
	run.taken = append(run.taken, t.taken...)
	run.result.Requests += t.result.Requests
	run.result.Bytes += t.result.Bytes
	run.result.Errors += t.result.Errors
	if run.result.Problem == "" {
		run.result.Problem = t.result.Problem
	}
}

// An echoThread is the share of one thread.
type echoThread struct {
	*socketLoop
	score
	paced bool // messages are sent by the clock
}

// closed keeps depth messages under way on each socket.
func (t *echoThread) closed(ctx context.Context, depth int) error {
	for _, s := range t.sockets {
		t.sendNow(s, depth, time.Since(t.run.began))
	}
	for t.run.phase.Load() != over {
		if err := t.turn(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// byClock sends a message every gap, on one socket after the other.
func (t *echoThread) byClock(ctx context.Context, gap time.Duration) error {
	t.paced = true
	var turns []*socket
	for _, s := range t.sockets {
		turns = append(turns, s)
	}
	due := time.Since(t.run.began)
	for i := 0; t.run.phase.Load() != over; {
		for now := time.Since(t.run.began); due <= now; due += gap {
			t.sendNow(turns[i], 1, due)
			i = (i + 1) % len(turns)
		}
		if err := t.turn(ctx, time.Until(t.run.began.Add(due))); err != nil {
			return err
		}
	}
	return nil
}

// sendNow sends k messages whose latency counts from a time.
func (t *echoThread) sendNow(s *socket, k int, from time.Duration) {
	for range k {
		s.sent = append(s.sent, from)
	}
	t.send(s, k)
}

// echoed takes the latencies of n messages, and sends as many.
func (t *echoThread) echoed(s *socket, n int) {
	now, err := t.took(s, n)
	if err != nil {
		t.drop(s, err)
		return
	}
	if !t.paced {
		t.sendNow(s, n, now)
	}
}

// busyness is how much of its time the client works, which is to be less than all: else
// rates and latencies are its own, and not the server's.
type busyness struct {
	at  time.Time
	cpu time.Duration
}

func begunBusy() busyness {
	cpu, _ := proc.CPU([]int{os.Getpid()})
	return busyness{time.Now(), cpu}
}

func (b busyness) note() string {
	now := begunBusy()
	return fmt.Sprintf("load busy %.0f %%", 100*float64(now.cpu-b.cpu)/float64(now.at.Sub(b.at)))
}

package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"time"
)

// joining is how long a server has to enter the last socket in the topic, after the handshake.
const joining = 100 * time.Millisecond

var errNotAll = errors.New("load: after 10 s messages have not come to all")

// Broadcast opens n WebSockets of a server which sends what comes on one of them to all of
// them. The first one publishes depth messages of t.Size bytes at once, when those before have come to all. It
// measures for the duration after a warm-up. A request is a delivery; a latency is the time from a publishing until
// the last socket has all of it.
func Broadcast(ctx context.Context, t Target, n, depth int, warm, duration time.Duration, pids []int) (Result, error) {
	fds, err := openSockets(ctx, t, n, false)
	defer closeAll(fds)
	if err != nil {
		return Result{}, err
	}
	if err := pause(ctx, joining); err != nil {
		return Result{}, err
	}
	l, err := newSocketLoop(fds, newMessages(max(depth, 4), int(t.Size), false), false)
	if err != nil {
		return Result{}, err
	}
	defer l.close()
	b := broadcast{socketLoop: l, n: n, depth: depth, publisher: l.sockets[int32(fds[0])]}
	for _, s := range l.sockets {
		s.next, s.in.next = 0, 0
	}
	l.got = func(_ *socket, n int) { b.left -= n }
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := b.run(ctx, warm); err != nil {
		return Result{}, err
	}
	b.taken, l.result = nil, Result{}
	return b.measure(ctx, t, duration, pids)
}

type broadcast struct {
	*socketLoop
	n, depth  int
	publisher *socket
	left      int // deliveries that have not come yet
	taken     latencies
}

func (b *broadcast) measure(ctx context.Context, t Target, duration time.Duration, pids []int) (Result, error) {
	before, counted := mallocs(t)
	m, err := startMeter(pids)
	if err != nil {
		return Result{}, err
	}
	busy := begunBusy()
	if err := b.run(ctx, duration); err != nil {
		return Result{}, err
	}
	if err := m.stop(&b.result); err != nil {
		return Result{}, err
	}
	b.result.Note = busy.note()
	b.result.Requests = int64(len(b.taken) * b.n * b.depth)
	if after, _ := mallocs(t); counted {
		b.result.Note += fmt.Sprintf(", %.2f allocations a delivery", float64(after-before)/float64(b.result.Requests))
	}
	b.taken.percentiles(&b.result)
	return b.result, nil
}

// run publishes for a while.
func (b *broadcast) run(ctx context.Context, d time.Duration) error {
	for end := time.Now().Add(d); time.Now().Before(end); {
		at := time.Now()
		b.left = b.n * b.depth
		b.send(b.publisher, b.depth)
		for b.left > 0 {
			if err := b.turn(ctx, time.Second); err != nil {
				return err
			}
			if b.result.Errors > 0 {
				return errors.New(b.result.Problem)
			}
			if time.Since(at) > 10*time.Second {
				return fmt.Errorf("%w: %d of %d", errNotAll, b.left, b.n*b.depth)
			}
		}
		b.taken.add(time.Since(at))
	}
	return nil
}

// mallocs returns how many objects a server in Go has allocated, if it tells at /state.
func mallocs(t Target) (n int64, ok bool) {
	resp, err := http.Get("http://" + t.Addr.String() + "/state")
	if err != nil {
		return 0, false
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return 0, false
	}
	var state struct{ Mallocs int64 }
	err = json.NewDecoder(resp.Body).Decode(&state)
	return state.Mallocs, err == nil && state.Mallocs > 0
}

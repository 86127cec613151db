package load

import (
	"context"
	"time"

	"golang.org/x/sys/unix"
)

// A Herd is connections that are open and idle: each has had one answer.
type Herd struct {
	fds    []int
	result Result
}

// OpenHerd opens n connections one after the other, with one GET on each. A
// connection that fails is counted in the Herd's Result.
func OpenHerd(ctx context.Context, t Target, n int) (*Herd, error) {
	h := &Herd{fds: make([]int, 0, n)}
	buf := make([]byte, 64<<10)
	for i := range n {
		if err := ctx.Err(); err != nil {
			h.Close()
			return nil, err
		}
		fd, err := dial(t, i)
		if err != nil {
			h.result.fail(err)
			continue
		}
		if err := roundTrip(fd, t, buf); err != nil {
			unix.Close(fd)
			h.result.fail(err)
			continue
		}
		h.fds = append(h.fds, fd)
		h.result.Requests++
	}
	return h, nil
}

// Result counts the connections that are open as requests, and as errors
// those that could not be opened or that the server has ended since.
func (h *Herd) Result() Result {
	r := h.result
	for _, fd := range h.fds {
		var b [1]byte
		if _, _, err := unix.Recvfrom(fd, b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT); err != unix.EAGAIN {
			r.Requests--
			r.fail(errClosed)
		}
	}
	return r
}

// Close closes the connections.
func (h *Herd) Close() {
	for _, fd := range h.fds {
		unix.Close(fd)
	}
	h.fds = nil
}

// Idle opens n connections, waits for the server to settle, and returns by how
// much its resident memory has grown since before the first one.
func Idle(ctx context.Context, t Target, n int, settle time.Duration, pids []int) (Result, error) {
	m, err := startMeter(pids)
	if err != nil {
		return Result{}, err
	}
	h, err := OpenHerd(ctx, t, n)
	if err != nil {
		return Result{}, err
	}
	defer h.Close()
	select {
	case <-time.After(settle):
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
	r := h.Result()
	err = m.stop(&r)
	return r, err
}

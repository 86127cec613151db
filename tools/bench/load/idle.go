package load

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// A Herd is connections that are open and idle: each has had one answer.
type Herd struct {
	fds    []int      // of HTTP/1.1 in clear
	conns  []net.Conn // of the other protocols
	links  []int      // of WebSockets over these
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
		var err error
		if t.Over == HTTP1 {
			err = h.open(t, i, buf)
		} else {
			err = h.openProtocol(t)
		}
		if err != nil {
			h.result.fail(err)
			continue
		}
		h.result.Requests++
	}
	return h, nil
}

func (h *Herd) open(t Target, i int, buf []byte) error {
	fd, err := dial(t, i)
	if err != nil {
		return err
	}
	if err := roundTrip(fd, t, buf); err != nil {
		unix.Close(fd)
		return err
	}
	h.fds = append(h.fds, fd)
	return nil
}

func (h *Herd) openProtocol(t Target) error {
	c, err := dialProtocol(t)
	if err != nil {
		return err
	}
	if _, err := firstGet(c, t); err != nil {
		c.Close()
		return err
	}
	c.SetDeadline(time.Time{})
	h.conns = append(h.conns, c)
	return nil
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
	for _, c := range h.conns {
		if ended(c) {
			r.Requests--
			r.fail(errClosed)
		}
	}
	for _, fd := range h.links {
		if !established(fd) {
			r.Requests--
			r.fail(errClosed)
		}
	}
	return r
}

// ended tells whether the server has ended the connection. Bytes that wait to
// be read are not the end: an answer to SETTINGS, or a PING.
func ended(c net.Conn) (yes bool) {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		return true
	}
	err = raw.Control(func(fd uintptr) { yes = !established(int(fd)) })
	return yes || err != nil
}

func established(fd int) bool {
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	return err == nil && info.State == tcpEstablished
}

const tcpEstablished = 1 // TCP_ESTABLISHED of Linux

// Close closes the connections.
func (h *Herd) Close() {
	closeAll(h.fds)
	closeAll(h.links)
	for _, c := range h.conns {
		c.Close()
	}
	h.fds, h.conns, h.links = nil, nil, nil
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

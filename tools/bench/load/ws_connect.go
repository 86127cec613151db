package load

import (
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/hyperion-server/hyperion/wsframe"
)

// Upgrades has n workers connect, shake hands for a WebSocket and close it, to the server's end of
// the connection. A request is all of that.
func Upgrades(ctx context.Context, t Target, n int, warm, duration time.Duration, pids []int) (Result, error) {
	request := socketRequest(t, false)
	ending := appendFrame(nil, wsframe.Header{Opcode: wsframe.Close, Fin: true, Masked: true}, []byte{1000 >> 8, 1000 & 0xff})
	return Repeat(ctx, n, warm, duration, pids, func(context.Context, int) error {
		c, err := net.DialTimeout("tcp", t.Addr.String(), 10*time.Second)
		if err != nil {
			return fmt.Errorf("load: %w", err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(10 * time.Second))
		if err := upgrade(c, request, false); err != nil {
			return err
		}
		return closeSocket(c, ending)
	})
}

// closeSocket sends Close, and reads the server's and then its end.
func closeSocket(c io.ReadWriter, ending []byte) error {
	if _, err := c.Write(ending); err != nil {
		return fmt.Errorf("load: write: %w", err)
	}
	var buf [256]byte
	for n := 0; n < len(buf); {
		k, err := c.Read(buf[n:])
		if n += k; err == nil {
			continue
		}
		if h, at, ok := wsframe.ParseHeader(buf[:n]); err != io.EOF || !ok || h.Opcode != wsframe.Close || uint64(n-at) != h.Length {
			return fmt.Errorf("%w: %q, %w", errFrame, buf[:n], err)
		}
		return nil
	}
	return errFrame
}

// IdleSockets opens n connections with one WebSocket each, or with HTTP/2 as many as streams says, and one echo on
// each WebSocket. It waits for the server to settle, and returns by how much its resident memory has grown since before
// the first one. A request is a WebSocket.
func IdleSockets(ctx context.Context, t Target, n, streams int, deflate bool, settle time.Duration, pids []int) (Result, error) {
	m, err := startMeter(pids)
	if err != nil {
		return Result{}, err
	}
	h, err := openIdle(ctx, t, n, streams, deflate)
	if err != nil {
		h.Close()
		return Result{}, err
	}
	defer h.Close()
	if err := pause(ctx, settle); err != nil {
		return Result{}, err
	}
	r := h.Result()
	return r, m.stop(&r)
}

// openIdle opens WebSockets with one echo each. The Herd is to be closed even with an error.
func openIdle(ctx context.Context, t Target, n, streams int, deflate bool) (*Herd, error) {
	h := &Herd{}
	m, z := newMessages(1, int(t.Size), deflate), newInflation(int(t.Size))
	once := func(c io.ReadWriter) error {
		h.result.Requests++
		return echoOnce(c, m, deflate, z)
	}
	request := socketRequest(t, deflate)
	for i := range n {
		if err := ctx.Err(); err != nil {
			return h, err
		}
		if t.Over == HTTP1 {
			fd, err := dialSocket(t, i, request, deflate)
			if err != nil {
				return h, err
			}
			h.fds = append(h.fds, fd)
			if err := once(blocking(fd)); err != nil {
				return h, err
			}
			continue
		}
		l, fd, err := openLink(t, i, streams, deflate)
		if err != nil {
			return h, err
		}
		h.links = append(h.links, fd)
		for i := range linked(t, streams) {
			if err := once(linkSocket{l, i}); err != nil {
				return h, err
			}
		}
	}
	return h, nil
}

// echoOnce sends a message and reads it.
func echoOnce(c io.ReadWriter, m *messages, deflate bool, z *inflation) error {
	if _, err := c.Write(m.frames(0, 1)); err != nil {
		return fmt.Errorf("load: write: %w", err)
	}
	in := inbound{m: m, deflate: deflate, pong: func([]byte) {}}
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return fmt.Errorf("load: read: %w", err)
		}
		if whole, err := in.feed(buf[:n], z); err != nil || whole > 0 {
			return err
		}
	}
}

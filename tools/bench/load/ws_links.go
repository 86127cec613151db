package load

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"

	"golang.org/x/sys/unix"
)

// A link is a connection with WebSockets on it, over TLS or HTTP/2. One goroutine uses it.
type link interface {
	receive() (i int, p []byte, err error) // reads bytes of one of them, which are valid until the next call
	send(i int, p []byte) error            // sends p, which stays as it is, before flush returns
	flush() error
}

// errLater is what a link that does not block has when nothing more has come.
var errLater net.Error = later{}

type later struct{}

func (later) Error() string   { return "load: nothing has come" }
func (later) Timeout() bool   { return true }
func (later) Temporary() bool { return true } // so that a tls.Conn can be read on

// linked is how many WebSockets a connection has, of which HTTP/2 would have streams.
func linked(t Target, streams int) int {
	if !t.Over.HTTP2() {
		return 1
	}
	return max(streams, 1)
}

// openLink opens connection number i and its WebSockets, blocking. The caller closes the descriptor.
func openLink(t Target, i, streams int, deflate bool) (l link, fd int, err error) {
	if fd, err = dial(t, i); err != nil {
		return nil, -1, err
	}
	if l, err = newLink(t, fd, streams, deflate); err != nil {
		unix.Close(fd)
		return nil, -1, err
	}
	return l, fd, nil
}

func newLink(t Target, fd, streams int, deflate bool) (link, error) {
	var c io.ReadWriter = descriptor{fd: fd}
	if t.Over.TLS() {
		conn := tls.Client(descriptor{fd: fd}, t.TLS())
		if err := conn.Handshake(); err != nil {
			return nil, fmt.Errorf("load: handshake: %w", err)
		}
		if err := t.Over.checkTLS(conn.ConnectionState()); err != nil {
			return nil, err
		}
		c = conn
	}
	if t.Over.HTTP2() {
		return openTunnels(t, c, linked(t, streams))
	}
	if err := upgrade(c, socketRequest(t, deflate), deflate); err != nil {
		return nil, err
	}
	return &pipe{c, bufio.NewWriterSize(c, 64<<10), make([]byte, 16<<10)}, nil
}

// A descriptor is a connection that TLS is spoken on. Its reads fail with errLater where they would
// block, its writes wait.
type descriptor struct {
	net.Conn // nil: TLS reads and writes
	fd       int
}

func (d descriptor) Read(p []byte) (int, error) {
	n, err := blocking(d.fd).Read(p)
	if errors.Is(err, unix.EAGAIN) {
		err = errLater
	}
	return n, err
}

// writeWait is how long a write waits, in milliseconds.
const writeWait = 10_000

func (d descriptor) Write(p []byte) (written int, err error) {
	for written < len(p) {
		n, err := unix.Write(d.fd, p[written:])
		switch {
		case err == unix.EAGAIN:
			if _, err := unix.Poll([]unix.PollFd{{Fd: int32(d.fd), Events: unix.POLLOUT}}, writeWait); err != nil && err != unix.EINTR {
				return written, err
			}
		case err != nil && err != unix.EINTR:
			return written, err
		}
		written += max(n, 0)
	}
	return written, nil
}

// A pipe is a connection with one WebSocket.
type pipe struct {
	c   io.Reader
	w   *bufio.Writer
	buf []byte
}

func (p *pipe) receive() (int, []byte, error) {
	n, err := p.c.Read(p.buf)
	return 0, p.buf[:n], err
}

func (p *pipe) send(_ int, b []byte) error {
	_, err := p.w.Write(b)
	return err
}

func (p *pipe) flush() error { return p.w.Flush() }

// A linkSocket is one of the WebSockets of a link, while nothing comes on the others.
type linkSocket struct {
	l link
	i int
}

func (s linkSocket) Write(p []byte) (int, error) {
	if err := s.l.send(s.i, p); err != nil {
		return 0, err
	}
	return len(p), s.l.flush()
}

func (s linkSocket) Read(p []byte) (int, error) {
	i, b, err := s.l.receive()
	if err != nil {
		return 0, err
	}
	if i != s.i || len(b) > len(p) {
		return 0, errFrame
	}
	return copy(p, b), nil
}

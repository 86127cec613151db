package load

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"
)

// A Target is what the clients of this package ask for. Status, Coding, Body
// and Content are for Check; the others want 200 and the length.
type Target struct {
	Addr   netip.AddrPort
	Over   Protocol
	Roots  *x509.CertPool // of the server's certificate, with TLS
	Path   string
	Fields []string // further fields of the request, "Name: value"
	Status int      // that an answer must have; 0: 200
	Size   int64    // bytes of body that an answer must have, unless it is coded
	Coding string   // Content-Encoding that it must have
	Body   []byte   // what the body, decoded, must be; nil: it is not compared

	Content []byte // of the request, which is a POST then; nil: a GET
}

func (t Target) request() []byte {
	b := fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\n", t.Path, t.Addr)
	for _, f := range t.Fields {
		b = append(append(b, f...), "\r\n"...)
	}
	return append(b, "\r\n"...)
}

// connsPerSource is how many connections leave from one loopback address; a
// range of local ports has 28 232 as Linux comes.
const connsPerSource = 20_000

// dial opens connection number i, blocking, with 10 s for each read. The caller
// closes the descriptor.
func dial(t Target, i int) (fd int, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("load: socket: %w", err)
	}
	err = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if source := i / connsPerSource; err == nil && source > 0 && t.Addr.Addr().IsLoopback() {
		err = errors.Join(
			unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1),
			unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 1, byte(source)}}))
	}
	if err == nil {
		err = unix.Connect(fd, &unix.SockaddrInet4{Addr: t.Addr.Addr().As4(), Port: int(t.Addr.Port())})
	}
	if err == nil { // only now: with a timeout a signal would interrupt connect
		err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 10})
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("load: connection %d: %w", i, err)
	}
	return fd, nil
}

var (
	errClosed = errors.New("load: the server closed the connection")
	errStatus = errors.New("load: the answer has another status")
	errHead   = errors.New("load: the answer's head is malformed or has no Content-Length")
	errSize   = errors.New("load: the body has another length")
	errExtra  = errors.New("load: more bytes than the answer has")
)

// roundTrip sends a request on a blocking connection and reads the answer.
func roundTrip(fd int, t Target, buf []byte) error {
	if _, err := unix.Write(fd, t.request()); err != nil {
		return fmt.Errorf("load: write: %w", err)
	}
	a := answer{size: t.Size}
	for {
		n, err := unix.Read(fd, buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("load: read: %w", err)
		}
		if n == 0 {
			return errClosed
		}
		if done, err := a.feed(buf[:n]); done || err != nil {
			return err
		}
	}
}

// An answer follows one response as it comes in pieces.
type answer struct {
	size int64  // bytes of body it must have
	head []byte // what came of the head, while it is not whole
	left int64  // bytes of body to come, once the head is whole
	body bool   // the head is whole
}

// feed takes the next piece; done is true when the response is whole.
func (a *answer) feed(p []byte) (done bool, err error) {
	if !a.body {
		head := p
		if len(a.head) > 0 {
			a.head = append(a.head, p...)
			head = a.head
		}
		length, end, err := parseHead(head)
		if err != nil {
			return false, err
		}
		if end == 0 {
			if len(a.head) == 0 {
				a.head = append(a.head, p...)
			}
			return false, nil
		}
		if length != a.size {
			return false, fmt.Errorf("%w: %d, want %d", errSize, length, a.size)
		}
		a.body, a.left = true, length
		p = head[end:]
	}
	a.left -= int64(len(p))
	if a.left < 0 {
		return false, errExtra
	}
	return a.left == 0, nil
}

var (
	headEnd    = []byte("\r\n\r\n")
	lengthName = []byte("content-length:")
)

// parseHead returns the Content-Length of a 200 response and where its head
// ends; end is 0 while the head is not whole.
func parseHead(b []byte) (length int64, end int, err error) {
	i := bytes.Index(b, headEnd)
	if i < 0 {
		return 0, 0, nil
	}
	head := b[:i+2]
	if len(head) < len("HTTP/1.1 200 ") || string(head[:7]) != "HTTP/1." {
		return 0, 0, errHead
	}
	if string(head[8:13]) != " 200 " {
		line, _, _ := bytes.Cut(head, []byte("\r\n"))
		return 0, 0, fmt.Errorf("%w: %q", errStatus, line)
	}
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		if len(line) < len(lengthName) || !bytes.EqualFold(line[:len(lengthName)], lengthName) {
			continue
		}
		length, err = strconv.ParseInt(string(bytes.TrimSpace(line[len(lengthName):])), 10, 64)
		if err != nil || length < 0 {
			return 0, 0, errHead
		}
		return length, i + 4, nil
	}
	return 0, 0, errHead
}

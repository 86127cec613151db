package goserver_test

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	probeTarget = "/-/probe"
	probe       = "GET " + probeTarget + " HTTP/1.1\r\nHost: probe.test\r\n\r\n"
)

// A client speaks raw bytes and writes down what comes back. It reads as
// strictly as it can: everything that is not exactly HTTP/1 is noted as BAD.
type client struct {
	*scene
	conn *net.TCPConn
	br   *bufio.Reader
	raw  string
	seen []string
	over bool // the peer ended the connection
	left bool // this side did, while the server was busy: its states depend on the moment
}

func dial(t *testing.T, s *scene, raw string) *client {
	t.Helper()
	conn, err := net.Dial("tcp", s.addr.String())
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(patience))
	c := &client{scene: s, conn: conn.(*net.TCPConn), br: bufio.NewReader(conn), raw: raw}
	s.client.Store(c)
	return c
}

func (c *client) log(format string, args ...any) {
	c.seen = append(c.seen, fmt.Sprintf(format, args...))
}

// send writes bytes. A peer that has gone is noticed when its answer is read.
func (c *client) send(raw string) { io.WriteString(c.conn, raw) }

// converse is the usual script.
func (c *client) converse(reads string) {
	if reads == "" {
		reads, _, _ = strings.Cut(c.raw, " ")
	}
	c.send(c.raw)
	for _, method := range strings.Fields(reads) {
		c.response(method)
	}
	c.probe()
}

// response reads and notes one whole response with its interim ones.
func (c *client) response(method string) *reply {
	r := c.head(method)
	r.finish()
	return r
}

// probe tells whether the connection serves another request.
func (c *client) probe() {
	if c.over {
		return
	}
	c.send(probe)
	line, err := c.line()
	switch {
	case err != nil:
		c.ending(err, "closed", "closed")
	case line != "HTTP/1.1 204 No Content":
		c.log("BAD: out of step: %q", line)
	default:
		for line != "" && err == nil {
			line, err = c.line()
		}
		c.log("= reusable")
	}
}

// ended reads until the peer ends the connection, and notes how.
func (c *client) ended() {
	if c.over {
		return
	}
	b, err := io.ReadAll(c.br)
	if len(b) > 0 {
		c.log("more %s", show(b))
	}
	c.ending(err, "closed", "reset")
}

// ending notes the end of the connection: in good order, or by a reset.
func (c *client) ending(err error, fin, rst string) {
	c.over = true
	switch {
	case err == nil || err == io.EOF:
		c.log("= %s", fin)
	case errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE):
		c.log("= %s", rst)
	default:
		c.log("BAD: end: %v", err)
	}
}

// line reads one line, which CRLF must end.
func (c *client) line() (string, error) {
	l, err := c.br.ReadString('\n')
	if err == io.EOF && l != "" {
		return l, io.ErrUnexpectedEOF
	}
	if err != nil {
		return "", err
	}
	if !strings.HasSuffix(l, "\r\n") {
		c.log("BAD: line ending: %q", l)
	}
	return strings.TrimRight(l, "\r\n"), nil
}

// A reply is a response whose head was read.
type reply struct {
	c      *client
	status int
	fields [][2]string

	framing string
	left    int64 // bytes of the length, or of the chunk
	body    []byte
	done    bool
}

// head reads a head and, before it, those of interim responses.
func (c *client) head(method string) *reply {
	for {
		if r := c.oneHead(method); r.status/100 != 1 || r.status == http.StatusSwitchingProtocols {
			return r
		}
	}
}

func (c *client) oneHead(method string) *reply {
	r := &reply{c: c, done: true}
	if c.over {
		return r
	}
	line, err := c.line()
	if err != nil {
		c.ending(err, "closed", "closed")
		return r
	}
	c.log("< %s", line)
	if len(line) < 13 || line[:7] != "HTTP/1." || line[8] != ' ' || line[12] != ' ' {
		c.log("BAD: status line")
	} else {
		r.status, _ = strconv.Atoi(line[9:12])
	}
	r.fields = c.fields("<")
	r.frame(method)
	return r
}

// fields reads lines up to an empty one and notes them in order of their names.
func (c *client) fields(mark string) (fields [][2]string) {
	for {
		line, err := c.line()
		if err != nil {
			c.log("BAD: in the fields: %q %v", line, err)
			return nil
		}
		if line == "" {
			break
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || !strings.HasPrefix(value, " ") && value != "" {
			c.log("BAD: field: %q", line)
		}
		fields = append(fields, [2]string{name, strings.TrimPrefix(value, " ")})
	}
	slices.SortStableFunc(fields, func(a, b [2]string) int {
		return cmp.Compare(strings.ToLower(a[0]), strings.ToLower(b[0]))
	})
	for _, f := range fields {
		c.log("%s %s: %s", mark, f[0], masked(f[0], f[1]))
	}
	return fields
}

// masked hides a date that is right.
func masked(name, value string) string {
	if name != "Date" {
		return value
	}
	d, err := time.Parse(http.TimeFormat, value)
	if off := time.Since(d); err != nil || off > time.Minute || off < -time.Minute {
		return value
	}
	return "*"
}

func (r *reply) get(name string) (values []string) {
	for _, f := range r.fields {
		if strings.EqualFold(f[0], name) {
			values = append(values, f[1])
		}
	}
	return values
}

// frame decides how the body is delimited (RFC 9112 §6.3).
func (r *reply) frame(method string) {
	r.done = false
	te, cl := r.get("Transfer-Encoding"), r.get("Content-Length")
	switch {
	case r.status/100 == 1, r.status == 204, r.status == 304, method == http.MethodHead:
		r.done, r.framing = true, "none"
	case method == http.MethodConnect && r.status/100 == 2:
		r.done, r.framing = true, "tunnel"
	case len(te) == 1 && te[0] == "chunked" && len(cl) == 0:
		r.framing = "chunked"
	case len(te) > 0:
		r.done, r.framing = true, "BAD"
		r.c.log("BAD: transfer-encoding %q, content-length %q", te, cl)
	case len(cl) == 1:
		n, err := strconv.ParseInt(cl[0], 10, 64)
		if err != nil {
			r.c.log("BAD: content-length")
		}
		r.framing, r.left, r.done = "length", n, n == 0
	case len(cl) > 1:
		r.done, r.framing = true, "BAD"
		r.c.log("BAD: content-length %q", cl)
	default:
		r.framing = "until close"
	}
}

// next reads some bytes of the body; none at its end.
func (r *reply) next() []byte {
	if r.done {
		return nil
	}
	if r.framing == "chunked" && r.left == 0 && !r.chunk() {
		return nil
	}
	size := int64(4096)
	if r.framing != "until close" {
		size = min(size, r.left)
	}
	b := make([]byte, size)
	n, err := r.c.br.Read(b)
	r.body = append(r.body, b[:n]...)
	r.left -= int64(n)
	if r.framing == "chunked" && r.left == 0 && err == nil {
		if end, _ := r.c.line(); end != "" {
			r.c.log("BAD: after a chunk: %q", end)
		}
	}
	if r.framing == "length" && r.left == 0 {
		r.done = true
	}
	if err != nil {
		r.end(err)
	}
	return b[:n]
}

// chunk reads a chunk's head, and the trailers when it is the last one.
func (r *reply) chunk() bool {
	line, err := r.c.line()
	if err != nil {
		r.end(err)
		return false
	}
	n, perr := strconv.ParseInt(line, 16, 64)
	if perr != nil || fmt.Sprintf("%x", n) != line {
		r.c.log("BAD: chunk size %q", line)
	}
	r.left = n
	if n == 0 {
		r.done = true
		r.finish()
		r.c.fields("trailer")
	}
	return n > 0
}

// end is the end of the connection within, or as, the end of the body.
func (r *reply) end(err error) {
	r.done = true
	if r.framing != "until close" {
		r.framing += ", cut short"
	}
	r.finish()
	r.c.ending(err, "closed", "closed")
}

// want reads until the body so far ends with the text.
func (r *reply) want(text string) {
	for !strings.HasSuffix(string(r.body), text) {
		if len(r.next()) == 0 && r.done {
			r.c.log("BAD: the body ended before %q came", text)
			return
		}
	}
	r.c.log("came %q", text)
}

// finish reads the rest of the body and notes all of it.
func (r *reply) finish() {
	for !r.done {
		r.next()
	}
	if r.framing != "" && r.framing != "none" && r.framing != "noted" {
		r.c.log("body %s %s", r.framing, show(r.body))
		r.framing = "noted"
	}
}

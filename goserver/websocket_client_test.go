package goserver_test

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/wsframe"
)

// socketKey is the key of RFC 6455 §1.3, and socketAccept its answer.
const (
	socketKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	socketAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// opening is a good opening handshake, with the fields given behind it.
func opening(host, path string, fields ...string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + socketKey + "\r\n" + strings.Join(append(fields, "\r\n"), "\r\n")
}

// A socketClient is a client's end of a WebSocket over HTTP/1.1.
type socketClient struct {
	t     testing.TB
	conn  net.Conn
	in    *bufio.Reader
	out   []byte
	resp  *http.Response
	state wsframe.State
	z     *wsframe.Decompressor // of takenOver
}

// dialSocket opens a WebSocket at host/path.
func dialSocket(t testing.TB, url string, fields ...string) *socketClient {
	t.Helper()
	scheme, rest, _ := strings.Cut(url, "://")
	host, path, _ := strings.Cut(rest, "/")
	conn, err := net.Dial("tcp", host)
	must(t, err)
	if scheme == "wss" {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	}
	return openSocket(t, conn, host, "/"+path, fields...)
}

func openSocket(t testing.TB, conn net.Conn, host, path string, fields ...string) *socketClient {
	t.Helper()
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	_, err := io.WriteString(conn, opening(host, path, fields...))
	must(t, err)
	c := &socketClient{t: t, conn: conn, in: bufio.NewReaderSize(conn, 64<<10)}
	c.resp, err = http.ReadResponse(c.in, nil)
	must(t, err)
	if c.resp.StatusCode != http.StatusSwitchingProtocols || c.resp.Header.Get("Sec-WebSocket-Accept") != socketAccept {
		t.Fatalf("the handshake got %v %v", c.resp.Status, c.resp.Header)
	}
	c.state.Client = true
	return c
}

// say sends a frame; it is masked.
func (c *socketClient) say(h wsframe.Header, p []byte) error {
	h.Masked, h.Key, h.Length = true, [4]byte{1, 2, 3, 4}, uint64(len(p))
	c.out = h.Append(c.out[:0])
	n := len(c.out)
	c.out = append(c.out, p...)
	wsframe.Mask(h.Key, 0, c.out[n:])
	_, err := c.conn.Write(c.out)
	return err
}

func (c *socketClient) send(op wsframe.Opcode, p []byte) error {
	return c.say(wsframe.Header{Opcode: op, Fin: true}, p)
}

func (c *socketClient) close(code wsframe.CloseCode) error {
	return c.send(wsframe.Close, binary.BigEndian.AppendUint16(nil, uint16(code)))
}

// frame reads a frame, and appends its payload to p.
func (c *socketClient) frame(p []byte) (wsframe.Header, []byte, error) {
	for n := 2; ; {
		b, err := c.in.Peek(n)
		if err != nil {
			return wsframe.Header{}, p, err
		}
		h, size, ok := wsframe.ParseHeader(b)
		if !ok {
			n = size
			continue
		}
		c.in.Discard(size)
		if h.Masked {
			return h, p, fmt.Errorf("the server masks")
		}
		at := len(p)
		if need := at + int(h.Length); need > cap(p) {
			p = append(make([]byte, 0, need), p...)
		}
		p = p[:at+int(h.Length)]
		_, err = io.ReadFull(c.in, p[at:])
		return h, p, err
	}
}

// message reads a message, of one or more frames that are not compressed.
func (c *socketClient) message(p []byte) (op wsframe.Opcode, _ []byte, err error) {
	for {
		h, next, err := c.frame(p)
		if err != nil {
			return 0, p, err
		}
		if h.Opcode == wsframe.Close {
			return 0, p, fmt.Errorf("closed: %q", next[len(p):])
		}
		if h.Opcode.Control() {
			continue
		}
		p = next
		if h.Opcode != wsframe.Continuation {
			op = h.Opcode
		}
		if h.Fin {
			return op, p, nil
		}
	}
}

// expectClose reads up to Close, which must have the code, and returns its reason.
func (c *socketClient) expectClose(code wsframe.CloseCode) string {
	c.t.Helper()
	for {
		h, p, err := c.frame(nil)
		if err != nil {
			c.t.Fatalf("%v, want close with %v", err, code)
		}
		if h.Opcode != wsframe.Close {
			continue
		}
		got, reason, err := wsframe.ParseClose(p)
		if err != nil || got != code {
			c.t.Fatalf("closed with %v %q, %v; want %v", got, reason, err, code)
		}
		return string(reason)
	}
}

// reset has Close send RST.
func reset(conn net.Conn) { conn.(*net.TCPConn).SetLinger(0) }

package wsframe_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/hyperion-server/hyperion/wsframe"
)

// An end is one end of a connection, made of wsframe and nothing else.
type end struct {
	conn  net.Conn
	input *bufio.Reader
	state wsframe.State
	in    *wsframe.Decompressor // nil without permessage-deflate
	out   *wsframe.Compressor
}

func newEnd(conn net.Conn, input *bufio.Reader, client bool, deflate *wsframe.Deflate) *end {
	e := &end{conn: conn, input: input, state: wsframe.State{Client: client, MaxMessage: 1 << 24}}
	if deflate != nil {
		e.state.Deflate = true
		own, peer := deflate.Server, deflate.Client
		if client {
			own, peer = peer, own
		}
		e.in, e.out = wsframe.NewDecompressor(peer), wsframe.NewCompressor(own)
	}
	return e
}

// frame reads a frame.
func (e *end) frame() (h wsframe.Header, payload []byte, err error) {
	for n := 2; ; {
		b, err := e.input.Peek(n)
		if err != nil {
			return h, nil, err
		}
		var ok bool
		if h, n, ok = wsframe.ParseHeader(b); ok {
			e.input.Discard(n)
			break
		}
	}
	if err := wsframe.Check(h, e.state); err != nil {
		return h, nil, err
	}
	payload = make([]byte, h.Length)
	_, err = io.ReadFull(e.input, payload)
	if h.Masked {
		wsframe.Mask(h.Key, 0, payload)
	}
	return h, payload, err
}

var errClosed = errors.New("closed")

// read reads a message. It answers pings and Close frames.
func (e *end) read() (op wsframe.Opcode, message []byte, err error) {
	var u wsframe.UTF8
	for {
		h, payload, err := e.frame()
		if err != nil {
			return 0, nil, err
		}
		op, compressed := e.state.Advance(h)
		switch op {
		case wsframe.Ping:
			e.write(wsframe.Pong, payload, 0)
			continue
		case wsframe.Pong:
			continue
		case wsframe.Close:
			code, _, err := wsframe.ParseClose(payload)
			if err != nil {
				return 0, nil, err
			}
			reply, _ := wsframe.AppendClose(nil, code, "")
			e.write(wsframe.Close, reply, 0)
			return 0, nil, errClosed
		}
		if op == wsframe.Text && !compressed {
			if err := u.Feed(payload); err != nil {
				return 0, nil, err
			}
		}
		message = append(message, payload...)
		if !h.Fin {
			continue
		}
		if compressed {
			message, err = e.in.Append(nil, message)
		}
		return op, message, err
	}
}

// write sends a message in frames of at most size octets, or in one if that is 0.
func (e *end) write(op wsframe.Opcode, message []byte, size int) error {
	h := wsframe.Header{Opcode: op, Masked: e.state.Client, Key: [4]byte{0x12, 0x34, 0x56, 0x78}}
	if e.out != nil && !op.Control() {
		if payload, ok := e.out.Append(nil, message); ok {
			h.RSV1, message = true, payload
		}
	}
	if size == 0 {
		size = len(message)
	}
	for {
		part := bytes.Clone(message[:min(size, len(message))])
		message = message[len(part):]
		h.Fin, h.Length = len(message) == 0, uint64(len(part))
		if h.Masked {
			wsframe.Mask(h.Key, 0, part)
		}
		if _, err := e.conn.Write(append(h.Append(nil), part...)); err != nil || h.Fin {
			return err
		}
		h.Opcode, h.RSV1 = wsframe.Continuation, false
	}
}

var modes = map[string]websocket.CompressionMode{
	"plain": websocket.CompressionDisabled, "no takeover": websocket.CompressionNoContextTakeover, "takeover": websocket.CompressionContextTakeover,
}

// sizes of the messages that are sent there and back.
var sizes = []int{0, 1, 5, 125, 126, 127, 128, 129, 500, 512, 1000, 1023, 1024, 1025, 2000, 4096, 20_000, 65_535, 65_536, 70_000, 300_000, 10, 1000}

// echo is a server of wsframe.
func echo(t *testing.T, wanted wsframe.Deflate, size int) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var deflate *wsframe.Deflate
		agreed, answer, err := wanted.Negotiate(r.Header.Values("Sec-WebSocket-Extensions"))
		if err == nil {
			deflate = &agreed
		} else if err != wsframe.ErrNotOffered {
			t.Errorf("%q: %v", r.Header.Values("Sec-WebSocket-Extensions"), err)
		}
		conn, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		response := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + base64.StdEncoding.EncodeToString(sum[:]) + "\r\n"
		if answer != "" {
			response += "Sec-WebSocket-Extensions: " + answer + "\r\n"
		}
		io.WriteString(conn, response+"\r\n")
		e := newEnd(conn, rw.Reader, false, deflate)
		for {
			op, message, err := e.read()
			if err == nil {
				err = e.write(op, message, size)
			}
			if err != nil {
				if err != errClosed {
					t.Error(err)
				}
				return
			}
		}
	}))
}

// Coder's client talks to a server of wsframe.
func TestCoder_client(t *testing.T) {
	for mode, compression := range modes {
		for _, size := range []int{0, 1000} {
			for _, wanted := range []wsframe.Deflate{{}, {Server: wsframe.Window{MaxBits: 9}}, {Server: wsframe.Window{NoContextTakeover: true}, Client: wsframe.Window{NoContextTakeover: true}}} {
				t.Run(mode, func(t *testing.T) {
					server := echo(t, wanted, size)
					defer server.Close()
					ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
					defer cancel()
					c, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(server.URL, "http"), &websocket.DialOptions{CompressionMode: compression, CompressionThreshold: 1})
					if err != nil {
						t.Fatal(err)
					}
					c.SetReadLimit(1 << 22)
					for i, n := range sizes {
						if i%5 == 4 {
							// The pong is read by Read.
							go c.Ping(ctx)
						}
						m := text(n, uint64(i/2))
						if err := c.Write(ctx, websocket.MessageBinary, m); err != nil {
							t.Fatal(err)
						}
						kind, got, err := c.Read(ctx)
						if err != nil || kind != websocket.MessageBinary || !bytes.Equal(got, m) {
							t.Fatalf("%d octets: %d octets of %v, %v", n, len(got), kind, err)
						}
					}
					if err := c.Close(websocket.StatusNormalClosure, "bye"); err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
}

// A client of wsframe talks to coder's server.
func TestCoder_server(t *testing.T) {
	for mode, compression := range modes {
		for _, size := range []int{0, 700} {
			t.Run(mode, func(t *testing.T) {
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					c, err := websocket.Accept(w, r, &websocket.AcceptOptions{CompressionMode: compression, CompressionThreshold: 1})
					if err != nil {
						t.Error(err)
						return
					}
					c.SetReadLimit(1 << 22)
					for {
						kind, m, err := c.Read(r.Context())
						if err != nil {
							if websocket.CloseStatus(err) != websocket.StatusNormalClosure {
								t.Error(err)
							}
							return
						}
						if err := c.Write(r.Context(), kind, m); err != nil {
							t.Error(err)
							return
						}
					}
				}))
				defer server.Close()
				e := dial(t, server, compression != websocket.CompressionDisabled)
				defer e.conn.Close()
				for i, n := range sizes {
					m := text(n, uint64(i/2))
					if err := e.write(wsframe.Binary, m, size); err != nil {
						t.Fatal(err)
					}
					op, got, err := e.read()
					if err != nil || op != wsframe.Binary || !bytes.Equal(got, m) {
						t.Fatalf("%d octets: %d octets of %v, %v", n, len(got), op, err)
					}
				}
				payload, _ := wsframe.AppendClose(nil, wsframe.CloseNormal, "bye")
				e.write(wsframe.Close, payload, 0)
				if _, _, err := e.read(); err != errClosed {
					t.Errorf("the answer to close: %v", err)
				}
			})
		}
	}
}

// dial opens a connection as a client.
func dial(t *testing.T, server *httptest.Server, compress bool) *end {
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(time.Minute))
	wanted := wsframe.Deflate{}
	request := "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	if compress {
		request += "Sec-WebSocket-Extensions: " + wanted.Offer() + "\r\n"
	}
	io.WriteString(conn, request+"\r\n")
	input := bufio.NewReader(conn)
	response, err := http.ReadResponse(input, nil)
	if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v, %v", response, err)
	}
	agreed, ok, err := wanted.Accept(response.Header.Values("Sec-WebSocket-Extensions"))
	if err != nil || ok != compress {
		t.Fatalf("%q: %v, %v", response.Header, ok, err)
	}
	if !ok {
		return newEnd(conn, input, true, nil)
	}
	return newEnd(conn, input, true, &agreed)
}

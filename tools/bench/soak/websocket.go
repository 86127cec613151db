package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/hyperion-server/hyperion/wsframe"
)

// The key of all opening handshakes, and what accepts it: the example of RFC 6455 §1.3.
const (
	socketKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	socketAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// opening is an opening handshake up to the empty line.
func opening(path string, fields ...string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " +
		socketKey + "\r\n" + strings.Join(append(fields, ""), "\r\n")
}

// alone has each message compressed by itself.
var alone = wsframe.Deflate{Server: wsframe.Window{NoContextTakeover: true}, Client: wsframe.Window{NoContextTakeover: true}}

// A socket is a client's end of a WebSocket.
type socket struct {
	conn       net.Conn
	tcp        *net.TCPConn // below it
	in         *bufio.Reader
	out        []byte // frames that wait for flush
	compressor *wsframe.Compressor
	inflater   *wsframe.Decompressor // both nil: not agreed to
}

// newSocket begins the opening handshake, which flush sends at the latest.
func newSocket(w way, tcp *net.TCPConn, path string) (*socket, error) {
	conn, err := w.over(tcp)
	if err != nil {
		return nil, err
	}
	s := &socket{conn: conn, tcp: tcp}
	offer := ""
	if path == deflateRoute {
		offer = alone.Offer()
		s.compressor, s.inflater = wsframe.NewCompressor(alone.Client), wsframe.NewDecompressor(alone.Server)
	}
	if w.http2 {
		t, err := newTunnel(conn, path, offer)
		s.conn, s.in = t, bufio.NewReader(t)
		return s, err
	}
	s.in = bufio.NewReader(conn)
	var fields []string
	if offer != "" {
		fields = []string{"Sec-WebSocket-Extensions: " + offer}
	}
	s.out = append(s.out, opening(path, fields...)+"\r\n"...)
	return s, nil
}

// openSocket makes the opening handshake.
func openSocket(w way, tcp *net.TCPConn, path string) (*socket, error) {
	s, err := newSocket(w, tcp, path)
	if err != nil {
		return nil, err
	}
	if err := s.flush(); err != nil {
		return nil, err
	}
	return s, s.opened()
}

// opened reads the answer to the opening handshake.
func (s *socket) opened() error {
	if t, ok := s.conn.(*tunnel); ok {
		return t.opened(s.inflater != nil)
	}
	resp, err := http.ReadResponse(s.in, nil)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols || resp.Header.Get("Sec-WebSocket-Accept") != socketAccept {
		return fmt.Errorf("%w: %s, %v", errWrong, resp.Status, resp.Header)
	}
	_, agreed, err := alone.Accept(resp.Header["Sec-Websocket-Extensions"])
	if err == nil && agreed != (s.inflater != nil) {
		err = fmt.Errorf("%w: compression %t", errWrong, agreed)
	}
	return err
}

// frame puts a masked frame into out.
func (s *socket) frame(h wsframe.Header, p []byte) {
	h.Masked, h.Key, h.Length = true, [4]byte{1, 2, 3, byte(len(s.out))}, uint64(len(p))
	s.out = h.Append(s.out)
	at := len(s.out)
	s.out = append(s.out, p...)
	wsframe.Mask(h.Key, 0, s.out[at:])
}

// say puts a message into out.
func (s *socket) say(p []byte) {
	p, compressed := s.compress(p)
	s.frame(wsframe.Header{Opcode: wsframe.Binary, Fin: true, RSV1: compressed}, p)
}

// compress compresses p, where that is agreed to and makes it shorter.
func (s *socket) compress(p []byte) (_ []byte, compressed bool) {
	if s.compressor == nil {
		return p, false
	}
	if z, ok := s.compressor.Append(nil, p); ok {
		return z, true
	}
	return p, false
}

func (s *socket) flush() error {
	if len(s.out) == 0 {
		return nil
	}
	_, err := s.conn.Write(s.out)
	s.out = s.out[:0]
	return err
}

// next reads a frame.
func (s *socket) next() (h wsframe.Header, p []byte, err error) {
	for n := 2; ; {
		b, err := s.in.Peek(n)
		if err != nil {
			return h, nil, err
		}
		h, size, ok := wsframe.ParseHeader(b)
		if !ok {
			n = size
			continue
		}
		if h.Masked || h.Length > bigSize {
			return h, nil, fmt.Errorf("%w: %+v", errWrong, h)
		}
		s.in.Discard(size)
		p = make([]byte, h.Length)
		_, err = io.ReadFull(s.in, p)
		return h, p, err
	}
}

// message reads a message, which the server sends in one frame, and answers pings before it.
func (s *socket) message() ([]byte, error) {
	for {
		h, p, err := s.next()
		switch {
		case err != nil:
			return nil, err
		case h.Opcode == wsframe.Pong:
		case h.Opcode == wsframe.Ping:
			s.frame(wsframe.Header{Opcode: wsframe.Pong, Fin: true}, p)
			if err := s.flush(); err != nil {
				return nil, err
			}
		case !h.Opcode.Data() || !h.Fin:
			return nil, fmt.Errorf("%w: %v %q", errWrong, h.Opcode, p)
		case h.RSV1:
			if s.inflater == nil {
				return nil, fmt.Errorf("%w: compressed", errWrong)
			}
			return s.inflater.Append(nil, p)
		default:
			return p, nil
		}
	}
}

// expect reads a message, which must be p.
func (s *socket) expect(p []byte) error {
	got, err := s.message()
	if err == nil && !bytes.Equal(got, p) {
		err = fmt.Errorf("%w: %d bytes, want %d: %.40q", errWrong, len(got), len(p), got)
	}
	return err
}

// echo sends a message and reads it.
func (s *socket) echo(p []byte) error {
	s.say(p)
	if err := s.flush(); err != nil {
		return err
	}
	return s.expect(p)
}

// closed reads up to Close, which must have the code, and up to the end of the connection. A tunnel answers: who does
// not has it reset.
func (s *socket) closed(code wsframe.CloseCode) error {
	for {
		h, p, err := s.next()
		if err != nil {
			return err
		}
		if h.Opcode != wsframe.Close {
			continue
		}
		if got, _, err := wsframe.ParseClose(p); err != nil || got != code {
			return fmt.Errorf("%w: %q, %v, want %v", errWrong, p, err, code)
		}
		if _, ok := s.conn.(*tunnel); ok && code == wsframe.CloseGoingAway {
			s.frame(wsframe.Header{Opcode: wsframe.Close, Fin: true}, p)
			if err := s.flush(); err != nil {
				return err
			}
		}
		if _, err := s.in.ReadByte(); err != io.EOF {
			return fmt.Errorf("%w: %v behind Close", errWrong, err)
		}
		return nil
	}
}

// close makes the closing handshake.
func (s *socket) close() error {
	s.frame(wsframe.Header{Opcode: wsframe.Close, Fin: true}, []byte{1000 >> 8, 1000 & 0xff})
	if err := s.flush(); err != nil {
		return err
	}
	return s.closed(wsframe.CloseNormal)
}

// words returns a message, mostly of a few hundred bytes, one in 32 of 64 KiB. It must not be changed.
func words() []byte {
	n := 1 + rand.IntN(1000)
	if n%32 == 0 {
		n = 64 << 10
	}
	from := rand.IntN(len(text()) - n)
	return text()[from : from+n]
}

// text is what messages are cut from: numbers, so that they can be compressed to about a half.
var text = sync.OnceValue(func() []byte {
	var b []byte
	for len(b) < 128<<10 {
		b = fmt.Appendf(b, "%d ", rand.Uint64())
	}
	return b
})

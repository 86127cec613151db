package goserver_test

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/hyperion-server/hyperion/wsframe"
)

// A socketConn is a client's connection of HTTP/2 that has WebSockets for streams (RFC 8441).
type socketConn struct {
	t      *testing.T
	conn   net.Conn
	window int // of each stream, for the server

	mu      sync.Mutex
	change  sync.Cond // something of the below has
	out     *http2.Framer
	enc     *hpack.Encoder
	block   bytes.Buffer
	streams map[uint32]*socketStream
	last    uint32
	send    int64 // window of the connection, for us
	initial int64 // of streams
	offered bool  // extended CONNECT
	settled bool
	goaways int
	err     error // the connection has ended
}

// A socketStream is one WebSocket.
type socketStream struct {
	c      *socketConn
	id     uint32
	status string
	fields map[string]string
	in     bytes.Buffer
	taken  int // bytes read that the window has not been given back
	send   int64
	ended  bool  // the server has
	err    error // it was reset
}

// dialSockets connects to a server, in the clear or by TLS, and waits for its settings.
func dialSockets(t *testing.T, addr net.Addr, secure bool, window int) *socketConn {
	t.Helper()
	conn, err := net.Dial("tcp", addr.String())
	must(t, err)
	if secure {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	}
	c := &socketConn{t: t, conn: conn, window: window, out: http2.NewFramer(conn, nil), streams: make(map[uint32]*socketStream), send: 65535, initial: 65535}
	c.change.L = &c.mu
	c.enc = hpack.NewEncoder(&c.block)
	_, err = io.WriteString(conn, http2.ClientPreface)
	must(t, err)
	must(t, c.out.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: uint32(window)}))
	listened := make(chan struct{})
	go func() {
		defer close(listened)
		err := c.listen()
		c.mu.Lock()
		c.err = err
		c.change.Broadcast()
		c.mu.Unlock()
	}()
	t.Cleanup(func() {
		conn.Close()
		<-listened
	})
	c.wait(func() bool { return c.settled })
	return c
}

// wait waits until is, or the end of the connection.
func (c *socketConn) wait(is func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !is() && c.err == nil {
		c.change.Wait()
	}
}

func (c *socketConn) listen() error {
	in := http2.NewFramer(nil, c.conn)
	in.SetMaxReadFrameSize(1 << 20)
	in.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	for {
		f, err := in.ReadFrame()
		if err != nil {
			return err
		}
		c.mu.Lock()
		c.take(f)
		c.change.Broadcast()
		c.mu.Unlock()
	}
}

func (c *socketConn) take(f http2.Frame) {
	st := c.streams[f.Header().StreamID]
	if st == nil {
		st = new(socketStream) // of which nobody hears
	}
	switch f := f.(type) {
	case *http2.SettingsFrame:
		if f.IsAck() {
			return
		}
		f.ForeachSetting(func(s http2.Setting) error {
			c.offered = c.offered || s.ID == http2.SettingEnableConnectProtocol && s.Val == 1
			if s.ID == http2.SettingInitialWindowSize {
				c.initial = int64(s.Val)
			}
			return nil
		})
		c.settled = true
		c.out.WriteSettingsAck()
	case *http2.MetaHeadersFrame:
		st.status, st.fields = f.PseudoValue("status"), make(map[string]string)
		for _, h := range f.RegularFields() {
			st.fields[h.Name] = h.Value
		}
		st.ended = st.ended || f.StreamEnded()
	case *http2.DataFrame:
		st.in.Write(f.Data())
		st.ended = st.ended || f.StreamEnded()
		if n := len(f.Data()); n > 0 {
			c.out.WriteWindowUpdate(0, uint32(n))
		}
	case *http2.WindowUpdateFrame:
		st.send += int64(f.Increment)
		if f.StreamID == 0 {
			c.send += int64(f.Increment)
		}
	case *http2.RSTStreamFrame:
		st.err = http2.StreamError{StreamID: f.StreamID, Code: f.ErrCode}
	case *http2.PingFrame:
		if !f.IsAck() {
			c.out.WritePing(true, f.Data)
		}
	case *http2.GoAwayFrame:
		c.goaways++
	}
}

// open asks for a WebSocket, and waits for the answer.
func (c *socketConn) open(path string, fields ...string) *socketStream {
	c.mu.Lock()
	if c.last++; c.last > 1 {
		c.last++
	}
	st := &socketStream{c: c, id: c.last, send: c.initial}
	c.streams[st.id] = st
	c.block.Reset()
	fields = append([]string{":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":authority", "a.example", ":path", path, "sec-websocket-version", "13"}, fields...)
	for i := 0; i < len(fields); i += 2 {
		c.enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	c.out.WriteHeaders(http2.HeadersFrameParam{StreamID: st.id, EndHeaders: true, BlockFragment: c.block.Bytes()})
	c.mu.Unlock()
	c.wait(func() bool { return st.status != "" || st.err != nil })
	return st
}

// Write sends DATA as the windows allow.
func (st *socketStream) Write(p []byte) (int, error) {
	c := st.c
	c.mu.Lock()
	defer c.mu.Unlock()
	for done := 0; done < len(p); {
		n := min(int64(len(p)-done), c.send, st.send, 16<<10)
		switch {
		case c.err != nil:
			return done, c.err
		case st.err != nil:
			return done, st.err
		case n <= 0:
			c.change.Wait()
			continue
		}
		if err := c.out.WriteData(st.id, false, p[done:done+int(n)]); err != nil {
			return done, err
		}
		done, c.send, st.send = done+int(n), c.send-n, st.send-n
	}
	return len(p), nil
}

// Read reads DATA and gives it back to the window.
func (st *socketStream) Read(p []byte) (int, error) {
	c := st.c
	c.mu.Lock()
	defer c.mu.Unlock()
	for st.in.Len() == 0 {
		switch {
		case st.err != nil:
			return 0, st.err
		case st.ended:
			return 0, io.EOF
		case c.err != nil:
			return 0, c.err
		}
		c.change.Wait()
	}
	n, _ := st.in.Read(p)
	if st.taken += n; !st.ended && st.taken > c.window/16 { // for each few bytes it would be a flood
		c.out.WriteWindowUpdate(st.id, uint32(st.taken))
		st.taken = 0
	}
	return n, nil
}

// end sends END_STREAM, and waits for the server's.
func (st *socketStream) end() error {
	st.c.mu.Lock()
	st.c.out.WriteData(st.id, true, nil)
	st.c.mu.Unlock()
	var p [1]byte
	if n, err := st.Read(p[:]); n > 0 || err != io.EOF {
		return errors.Join(errors.New("no end of the stream"), err)
	}
	return nil
}

// message sends a frame that is a whole message, or a control frame.
func (st *socketStream) message(op wsframe.Opcode, payload []byte) error {
	h := wsframe.Header{Opcode: op, Fin: true, Masked: true, Key: [4]byte{1, 2, 3, 4}, Length: uint64(len(payload))}
	masked := append(h.Append(nil), payload...)
	wsframe.Mask(h.Key, 0, masked[len(masked)-len(payload):])
	_, err := st.Write(masked)
	return err
}

// frame reads a frame.
func (st *socketStream) frame() (h wsframe.Header, payload []byte, err error) {
	var head []byte
	for n, ok := 2, false; !ok; h, n, ok = wsframe.ParseHeader(head) {
		at := len(head)
		head = append(head, make([]byte, n-at)...)
		if _, err := io.ReadFull(st, head[at:]); err != nil {
			return h, nil, err
		}
	}
	payload = make([]byte, h.Length)
	_, err = io.ReadFull(st, payload)
	return h, payload, err
}

// expectClose reads Close with a code, and returns its reason.
func (st *socketStream) expectClose(t *testing.T, code uint16) string {
	t.Helper()
	h, p, err := st.frame()
	if err != nil || h.Opcode != wsframe.Close || len(p) < 2 || binary.BigEndian.Uint16(p) != code {
		t.Errorf("got %v, %q, %v, want Close %d", h.Opcode, p, err, code)
		return ""
	}
	return string(p[2:])
}

// sayClose sends Close with a code.
func (st *socketStream) sayClose(code uint16) error {
	return st.message(wsframe.Close, binary.BigEndian.AppendUint16(nil, code))
}

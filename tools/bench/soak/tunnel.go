package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// A way is what WebSockets go over.
type way struct {
	tls   *tls.Config // nil: in clear
	http2 bool        // over a stream (RFC 8441) of a connection of its own
}

// over returns the connection over which HTTP goes.
func (w way) over(tcp *net.TCPConn) (net.Conn, error) {
	if w.tls == nil {
		return tcp, nil
	}
	conf := w.tls.Clone()
	conf.NextProtos = []string{"http/1.1"}
	if w.http2 {
		conf.NextProtos = []string{http2.NextProtoTLS}
	}
	conn := tls.Client(tcp, conf)
	return conn, conn.Handshake()
}

// tunnelWindow is how many bytes of its stream a tunnel takes before they are read.
const tunnelWindow = 64 << 10

// A tunnel is the stream of an extended CONNECT, as a connection. Closing it closes the connection of HTTP/2.
type tunnel struct {
	net.Conn
	mu     sync.Mutex
	change sync.Cond
	framer *http2.Framer
	status string
	agreed string // Sec-WebSocket-Extensions of the answer
	in     bytes.Buffer
	ended  bool  // the server has ended its side
	err    error // the stream or the connection has ended

	stream, conn       int64 // windows, for us
	readLate, sendLate time.Time
}

// tunnelID is the only stream.
const tunnelID = 1

// newTunnel asks for a WebSocket.
func newTunnel(c net.Conn, path, offer string) (*tunnel, error) {
	t := &tunnel{Conn: c, stream: 65535, conn: 65535, framer: http2.NewFramer(c, c)}
	t.change.L = &t.mu
	t.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if _, err := io.WriteString(c, http2.ClientPreface); err != nil {
		return nil, err
	}
	if err := t.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: tunnelWindow}); err != nil {
		return nil, err
	}
	if err := t.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: tunnelID, EndHeaders: true, BlockFragment: connectBlock(path, offer)}); err != nil {
		return nil, err
	}
	go t.listen()
	return t, nil
}

// connectBlock is the header block of an extended CONNECT, which leaves the dynamic table as it is.
func connectBlock(path, offer string) []byte {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	e.SetMaxDynamicTableSize(0)
	for _, f := range [][2]string{{":method", "CONNECT"}, {":protocol", "websocket"}, {":scheme", "https"}, {":authority", "a"}, {":path", path}, {"sec-websocket-version", "13"}, {"sec-websocket-extensions", offer}} {
		if f[1] != "" {
			e.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
		}
	}
	return b.Bytes()
}

// listen takes frames until the connection ends.
func (t *tunnel) listen() {
	for {
		f, err := t.framer.ReadFrame()
		t.mu.Lock()
		if err != nil {
			t.fail(err)
			t.mu.Unlock()
			return
		}
		t.take(f)
		t.change.Broadcast()
		t.mu.Unlock()
	}
}

func (t *tunnel) fail(err error) {
	if t.err == nil {
		t.err = err
	}
	t.change.Broadcast()
}

func (t *tunnel) take(f http2.Frame) {
	switch f := f.(type) {
	case *http2.SettingsFrame:
		if f.IsAck() {
			return
		}
		if n, ok := f.Value(http2.SettingInitialWindowSize); ok {
			t.stream += int64(n) - 65535
		}
		t.framer.WriteSettingsAck()
	case *http2.MetaHeadersFrame:
		t.status = f.PseudoValue("status")
		for _, h := range f.RegularFields() {
			if h.Name == "sec-websocket-extensions" {
				t.agreed = h.Value
			}
		}
		t.ended = t.ended || f.StreamEnded()
	case *http2.DataFrame:
		t.in.Write(f.Data())
		t.ended = t.ended || f.StreamEnded()
		if n := len(f.Data()); n > 0 {
			t.framer.WriteWindowUpdate(0, uint32(n))
		}
	case *http2.WindowUpdateFrame:
		if f.StreamID == 0 {
			t.conn += int64(f.Increment)
		} else {
			t.stream += int64(f.Increment)
		}
	case *http2.PingFrame:
		if !f.IsAck() {
			t.framer.WritePing(true, f.Data)
		}
	case *http2.RSTStreamFrame:
		t.fail(fmt.Errorf("reset with %v", f.ErrCode))
	case *http2.GoAwayFrame:
		t.fail(fmt.Errorf("GOAWAY with %v %q", f.ErrCode, f.DebugData()))
	}
}

// opened reads the answer.
func (t *tunnel) opened(compressed bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.status == "" && t.err == nil {
		t.change.Wait()
	}
	if t.status == "" {
		return t.err
	}
	if t.status != "200" || compressed != (t.agreed != "") {
		return fmt.Errorf("%w: %s, %q", errWrong, t.status, t.agreed)
	}
	return nil
}

func (t *tunnel) Read(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.in.Len() == 0 {
		switch {
		case t.ended:
			return 0, io.EOF
		case t.err != nil:
			return 0, t.err
		case passed(t.readLate):
			return 0, os.ErrDeadlineExceeded
		}
		t.change.Wait()
	}
	n, _ := t.in.Read(p)
	if !t.ended && t.err == nil {
		t.framer.WriteWindowUpdate(tunnelID, uint32(n))
	}
	return n, nil
}

func (t *tunnel) Write(p []byte) (done int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for done < len(p) {
		n := min(int64(len(p)-done), t.stream, t.conn, 16<<10)
		switch {
		case t.err != nil:
			return done, t.err
		case passed(t.sendLate):
			return done, os.ErrDeadlineExceeded
		case n <= 0:
			t.change.Wait()
			continue
		}
		if err := t.framer.WriteData(tunnelID, false, p[done:done+int(n)]); err != nil {
			return done, err
		}
		done, t.stream, t.conn = done+int(n), t.stream-n, t.conn-n
	}
	return done, nil
}

func passed(at time.Time) bool { return !at.IsZero() && !time.Now().Before(at) }

func (t *tunnel) SetReadDeadline(at time.Time) error  { return t.deadline(&t.readLate, at) }
func (t *tunnel) SetWriteDeadline(at time.Time) error { return t.deadline(&t.sendLate, at) }

// deadline sets a time, at which who waits looks.
func (t *tunnel) deadline(which *time.Time, at time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	*which = at
	time.AfterFunc(time.Until(at), func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.change.Broadcast()
	})
	return nil
}

// misbehaviourHTTP2 is that of clients with tunnels.
var misbehaviourHTTP2 = []habit{
	{name: "half a header block", act: overHTTP2(func(c *client) error {
		c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: c.id(), BlockFragment: connectBlock(plainRoute, "")[:5]})
		return c.flush()
	})},
	{name: "tunnels reset at once", act: overHTTP2(func(c *client) error {
		for range 20 {
			c.framer.WriteRSTStream(c.connect(plainRoute), http2.ErrCodeCancel)
		}
		return c.flush()
	})},
	{name: "many tunnels, unread", act: overHTTP2(func(c *client) error {
		var s socket
		for range 50 {
			id := c.connect(deflateRoute)
			s.out = s.out[:0]
			s.say(text()[:1000])
			c.framer.WriteData(id, false, s.out)
		}
		return c.begun()
	})},
	{name: "many tunnels, ended without Close", act: overHTTP2(func(c *client) error {
		for range 20 {
			c.framer.WriteData(c.connect(blockingRoute), true, nil)
		}
		return c.flush()
	})},
	{name: "a tunnel reset in a message", act: overHTTP2(func(c *client) error {
		id := c.connect(plainRoute)
		c.framer.WriteData(id, false, []byte("\x82\xfe\x10\x00\x00\x00\x00\x00half"))
		c.framer.WriteRSTStream(id, http2.ErrCodeCancel)
		return c.flush()
	})},
}

// connect asks for a WebSocket.
func (c *client) connect(path string) (id uint32) {
	id = c.id()
	c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: connectBlock(path, ""), EndHeaders: true})
	return id
}

package goserver_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/wsframe"
)

// socketServer serves f at /ws and returns the URL of that.
func socketServer(t *testing.T, o *goserver.WebSocketOptions, f func(*goserver.WebSocket)) string {
	url, _ := socketServerOf(t, o, f)
	return url
}

func socketServerOf(t *testing.T, o *goserver.WebSocketOptions, f func(*goserver.WebSocket)) (string, *goserver.Server) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ws", func(w http.ResponseWriter, r *http.Request) {
		s, err := goserver.Upgrade(w, r, o)
		if err != nil {
			t.Errorf("upgrade: %v", err)
			return
		}
		if f != nil {
			f(s)
		}
	})
	srv := &goserver.Server{Handler: mux}
	addr, _ := start(t, srv)
	return "ws://" + addr.String() + "/ws", srv
}

func echoMessages(s *goserver.WebSocket) {
	for {
		typ, p, err := s.Next()
		if err != nil {
			return
		}
		if err := s.Write(typ, p); err != nil {
			return
		}
	}
}

func echoMessage(s *goserver.WebSocket, typ goserver.MessageType, p []byte) { s.Write(typ, p) }

// eachSocketStyle runs a test with all ways to read, which echo.
func eachSocketStyle(t *testing.T, max int, f func(t *testing.T, o *goserver.WebSocketOptions, handler func(*goserver.WebSocket))) {
	t.Run("program reads", func(t *testing.T) {
		o := &goserver.WebSocketOptions{MaxMessageBytes: max}
		f(t, o, echoMessages)
	})
	t.Run("program reads as it comes", func(t *testing.T) {
		o := &goserver.WebSocketOptions{MaxMessageBytes: max}
		f(t, o, echoStreams)
	})
	t.Run("callback", func(t *testing.T) {
		o := &goserver.WebSocketOptions{MaxMessageBytes: max, OnMessage: echoMessage}
		f(t, o, nil)
	})
}

// echo has the server echo a message, of which it is to read while it writes.
func (c *socketClient) echo(op wsframe.Opcode, want []byte) {
	c.t.Helper()
	sent := make(chan error, 1)
	go func() { sent <- c.send(op, want) }()
	got, p, err := c.message(nil)
	if err != nil || got != op || !bytes.Equal(p, want) {
		c.t.Fatalf("%d bytes: %v, %v, %d bytes", len(want), err, got, len(p))
	}
	must(c.t, <-sent)
}

func TestWebSocket_echo(t *testing.T) {
	eachSocketStyle(t, 20<<20, func(t *testing.T, o *goserver.WebSocketOptions, f func(*goserver.WebSocket)) {
		c := dialSocket(t, socketServer(t, o, f))
		for _, n := range []int{0, 1, 125, 126, 4096, 65535, 65536, 100_000, 1 << 20, 16 << 20} {
			c.echo(wsframe.Binary, bytes.Repeat([]byte("0123456789abcdef"), n/16+1)[:n])
		}
		c.echo(wsframe.Text, []byte(strings.Repeat("aß€𝄞", 100_000)))
		must(t, c.close(4000))
		c.expectClose(4000)
		if _, err := c.in.ReadByte(); err != io.EOF {
			t.Errorf("behind close: %v", err)
		}
	})
}

// A message of 16 MiB may come in fragments of any size.
func TestWebSocket_bigFragments(t *testing.T) {
	eachSocketStyle(t, 16<<20, func(t *testing.T, o *goserver.WebSocketOptions, f func(*goserver.WebSocket)) {
		c := dialSocket(t, socketServer(t, o, f))
		want := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
		go func() {
			h := wsframe.Header{Opcode: wsframe.Binary}
			for rest, n := want, 1; len(rest) > 0; n = n*3 + 1 {
				n = min(n, len(rest))
				h.Fin = n == len(rest)
				if c.say(h, rest[:n]) != nil {
					return
				}
				rest, h.Opcode = rest[n:], wsframe.Continuation
			}
		}()
		if _, got, err := c.message(nil); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		must(t, c.say(wsframe.Header{Opcode: wsframe.Binary}, want[1:]))
		must(t, c.say(wsframe.Header{Opcode: wsframe.Continuation, Fin: true}, want[:2]))
		if reason := c.expectClose(1009); reason != "message too big" {
			t.Errorf("closed for %q", reason)
		}
	})
}

func TestWebSocket_streams(t *testing.T) {
	url := socketServer(t, &goserver.WebSocketOptions{Compression: goserver.CompressionTakeover}, func(s *goserver.WebSocket) {
		for {
			typ, r, err := s.NextReader()
			if err != nil {
				return
			}
			w, _ := s.NextWriter(typ)
			io.Copy(w, r)
			w.Close()
		}
	})
	c := dialSocket(t, url, "Sec-WebSocket-Extensions: permessage-deflate")
	if got := c.resp.Header["Sec-Websocket-Extensions"]; fmt.Sprint(got) != "[permessage-deflate]" {
		t.Fatalf("no compression: %q", got)
	}
	z, u := wsframe.NewCompressor(wsframe.Window{}), wsframe.NewDecompressor(wsframe.Window{})
	for i := range 50 {
		want := ""
		for j := range i * i {
			want += fmt.Sprint("message ", i*j, ", ")
		}
		h := wsframe.Header{Opcode: wsframe.Text, Fin: true}
		p, ok := z.Append(nil, []byte(want))
		if h.RSV1 = ok; !ok {
			p = []byte(want)
		}
		must(t, c.say(h, p))
		_, p, err := c.message(nil)
		must(t, err)
		if got, err := u.Append(nil, p); err != nil || string(got) != want {
			t.Fatalf("message %d: %v, %d bytes", i, err, len(got))
		}
	}
}

func TestWebSocket_close(t *testing.T) {
	ended := make(chan error, 1)
	url := socketServer(t, nil, func(s *goserver.WebSocket) { ended <- s.Close(1000, "bye") })
	c := dialSocket(t, url)
	if reason := c.expectClose(1000); reason != "bye" {
		t.Errorf("closed for %q", reason)
	}
	must(t, c.close(1000))
	if err := receive(t, "end of Close", ended); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// A Close has the code and the reason that it is given, or neither for 1005. With others nothing is sent, and the WebSocket
// stays open.
func TestWebSocket_closeCodes(t *testing.T) {
	for _, tc := range []struct {
		code   wsframe.CloseCode
		reason string
		sent   string // the payload
		err    error  // instead
	}{
		{1000, "", "\x03\xe8", nil},
		{1012, "bye", "\x03\xf4bye", nil},
		{4999, "", "\x13\x87", nil},
		{1005, "", "", nil},
		{1005, "why", "", wsframe.ErrCloseCode},
		{0, "", "", wsframe.ErrCloseCode},
		{1004, "", "", wsframe.ErrCloseCode},
		{1006, "", "", wsframe.ErrCloseCode},
		{1015, "", "", wsframe.ErrCloseCode},
		{2999, "", "", wsframe.ErrCloseCode},
		{5000, "", "", wsframe.ErrCloseCode},
		{1000, "\xff", "", wsframe.ErrUTF8},
	} {
		t.Run(fmt.Sprint(uint16(tc.code), tc.reason), func(t *testing.T) {
			closed := make(chan error, 1)
			c := dialSocket(t, socketServer(t, nil, func(s *goserver.WebSocket) {
				err := s.Close(tc.code, tc.reason)
				if s.Err() == nil {
					s.WriteText("open")
				} else if want := (goserver.CloseError{Code: tc.code, Reason: tc.reason}); *s.Err().(*goserver.CloseError) != want {
					t.Errorf("it has ended with %v", s.Err())
				}
				closed <- err
			}))
			h, p, err := c.frame(nil)
			must(t, err)
			if tc.err != nil && (h.Opcode != wsframe.Text || string(p) != "open") || tc.err == nil && (h.Opcode != wsframe.Close || string(p) != tc.sent) {
				t.Errorf("%v %q was sent", h.Opcode, p)
			}
			must(t, c.close(1000))
			if err := receive(t, "end of Close", closed); err != tc.err {
				t.Errorf("Close: %v, want %v", err, tc.err)
			}
		})
	}
}

// Peers that vanish, in whatever way and state, leave nothing behind.
func TestWebSocket_vanish(t *testing.T) {
	eachSocketStyle(t, 0, func(t *testing.T, o *goserver.WebSocketOptions, f func(*goserver.WebSocket)) {
		closed := make(chan error, 200)
		o.OnClose = func(_ *goserver.WebSocket, err error) { closed <- err }
		url, srv := socketServerOf(t, o, f)
		for i := range 100 {
			c := dialSocket(t, url)
			switch i % 5 {
			case 0:
			case 1:
				c.echo(wsframe.Text, []byte("x"))
			case 2:
				must(t, c.say(wsframe.Header{Opcode: wsframe.Text}, []byte("x")))
			case 3:
				_, err := c.conn.Write([]byte{0x82, 0xff, 0, 0})
				must(t, err)
			case 4: // reads nothing of what it gets
				must(t, c.send(wsframe.Binary, make([]byte, 1<<20)))
			}
			if i%2 == 0 {
				reset(c.conn)
			}
			c.conn.Close()
		}
		for range 100 {
			receive(t, "OnClose", closed)
		}
		poll(t, "the end of all", func() bool { return srv.Stats().Conns == 0 })
		for _, st := range srv.WebSocketStats() {
			if st.Open != 0 || st.Opened != 100 || st.Closed[1006] != 100 {
				t.Errorf("%+v", st)
			}
		}
	})
}

// Shutdown says goodbye, waits for those who answer and cuts off who does not.
func TestWebSocket_shutdown(t *testing.T) {
	eachSocketStyle(t, 0, func(t *testing.T, o *goserver.WebSocketOptions, f func(*goserver.WebSocket)) {
		url, srv := socketServerOf(t, o, f)
		var all []*socketClient
		for range 20 {
			all = append(all, dialSocket(t, url))
		}
		done := make(chan error, 1)
		go func() { done <- srv.Shutdown(t.Context()) }()
		for _, c := range all {
			c.expectClose(1001)
			must(t, c.close(1001))
		}
		if err := receive(t, "end of Shutdown", done); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
}

// OnPing hears of pings, which are answered all the same, and OnPong of pongs, with what they carry.
func TestWebSocket_pings(t *testing.T) {
	eachSocketStyle(t, 0, func(t *testing.T, o *goserver.WebSocketOptions, f func(*goserver.WebSocket)) {
		heard, opened := make(chan string, 2), make(chan *goserver.WebSocket, 1)
		o.OnPing = func(s *goserver.WebSocket, p []byte) { heard <- "ping " + string(p) }
		o.OnPong = func(s *goserver.WebSocket, p []byte) { heard <- "pong " + string(p) }
		c := dialSocket(t, socketServer(t, o, func(s *goserver.WebSocket) {
			opened <- s
			if f != nil {
				f(s)
			}
		}))
		must(t, c.send(wsframe.Ping, []byte("are you there")))
		if h, p, err := c.frame(nil); h.Opcode != wsframe.Pong || string(p) != "are you there" || err != nil {
			t.Errorf("got %v %q, %v", h.Opcode, p, err)
		}
		if got := receive(t, "OnPing", heard); got != "ping are you there" {
			t.Errorf("heard %q", got)
		}
		s := receive(t, "WebSocket", opened)
		must(t, s.Ping([]byte("and you")))
		if err := s.Ping(make([]byte, 126)); err != goserver.ErrControlTooLong {
			t.Errorf("a ping of 126 bytes: %v", err)
		}
		if h, p, err := c.frame(nil); h.Opcode != wsframe.Ping || string(p) != "and you" || err != nil {
			t.Errorf("got %v %q, %v", h.Opcode, p, err)
		}
		must(t, c.send(wsframe.Pong, []byte("and you")))
		if got := receive(t, "OnPong", heard); got != "pong and you" {
			t.Errorf("heard %q", got)
		}
		c.echo(wsframe.Text, []byte("hello"))
	})
}

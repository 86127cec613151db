package goserver_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/wsframe"
)

// secureSocketServer is socketServerOf over TLS.
func secureSocketServer(t *testing.T, o *goserver.WebSocketOptions, f func(*goserver.WebSocket)) (string, *goserver.Server) {
	t.Helper()
	cert, _ := certificate(t)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ws", func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil || !r.TLS.HandshakeComplete {
			t.Errorf("the request's TLS is %v", r.TLS)
		}
		s, err := goserver.Upgrade(w, r, o)
		if err != nil {
			t.Errorf("upgrade: %v", err)
			return
		}
		if f != nil {
			f(s)
		}
	})
	srv := &goserver.Server{Handler: mux, WebSocketSpread: -1, TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	served := make(chan error, 1)
	go func() { served <- srv.ServeTLS(l, "", "") }()
	t.Cleanup(func() {
		srv.Close()
		<-served
	})
	return "wss://" + l.Addr().String() + "/ws", srv
}

func TestWebSocketTLS_echo(t *testing.T) {
	eachSocketStyle(t, 2<<20, func(t *testing.T, o *goserver.WebSocketOptions, f func(*goserver.WebSocket)) {
		url, srv := secureSocketServer(t, o, f)
		c := dialSocket(t, url)
		for _, n := range []int{0, 1, 125, 126, 16 << 10, 65536, 1 << 20} {
			c.echo(wsframe.Binary, bytes.Repeat([]byte("0123456789abcdef"), n/16+1)[:n])
		}
		must(t, c.send(wsframe.Ping, []byte("ping")))
		if h, p, err := c.frame(nil); h.Opcode != wsframe.Pong || string(p) != "ping" || err != nil {
			t.Errorf("ping was answered with %v %q, %v", h.Opcode, p, err)
		}
		must(t, c.close(4000))
		c.expectClose(4000)
		if _, err := c.in.ReadByte(); err != io.EOF {
			t.Errorf("behind close: %v", err)
		}
		poll(t, "the end", func() bool { return srv.OpenWebSockets() == 0 && srv.Stats().Conns == 0 })
	})
}

// What comes in the record of the handshake, cut anywhere, is no different over TLS.
func TestWebSocketTLS_ahead(t *testing.T) {
	eachSocketStyle(t, 0, func(t *testing.T, o *goserver.WebSocketOptions, f func(*goserver.WebSocket)) {
		url, _ := secureSocketServer(t, o, f)
		host := url[len("wss://") : len(url)-len("/ws")]
		frames := opening(host, "/ws") + "\x81\x85\x00\x00\x00\x00hello\x81\x85\x00\x00\x00\x00world"
		for _, cut := range []int{len(frames), len(frames) - 1, len(frames) - 10, len(frames) - 12, len(frames) - 21, 10} {
			conn := tls.Client(must1(net.Dial("tcp", host)), &tls.Config{InsecureSkipVerify: true})
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(patience))
			for _, part := range []string{frames[:cut], frames[cut:]} {
				_, err := io.WriteString(conn, part)
				must(t, err)
			}
			c := &socketClient{t: t, conn: conn, in: bufio.NewReader(conn)}
			_, err := http.ReadResponse(c.in, nil)
			must(t, err)
			for _, want := range []string{"hello", "world"} {
				if _, p, err := c.message(nil); string(p) != want || err != nil {
					t.Errorf("cut at %d: %q, %v, want %q", cut, p, err, want)
				}
			}
		}
	})
}

func TestWebSocketTLS_shutdown(t *testing.T) {
	eachSocketStyle(t, 0, func(t *testing.T, o *goserver.WebSocketOptions, f func(*goserver.WebSocket)) {
		url, srv := secureSocketServer(t, o, f)
		var all []*socketClient
		for range 10 {
			all = append(all, dialSocket(t, url))
		}
		done := make(chan error, 1)
		go func() { done <- srv.Shutdown(context.Background()) }()
		for _, c := range all {
			c.expectClose(1001)
			must(t, c.close(1001))
			if _, err := c.in.ReadByte(); err != io.EOF { // behind close_notify
				t.Errorf("behind close: %v", err)
			}
		}
		if err := receive(t, "end of Shutdown", done); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
}

// A peer that does not read is heard all the same: who reads does not wait for who writes.
func TestWebSocketTLS_bothWays(t *testing.T) {
	const messages, size = 40, 256 << 10
	for _, style := range []string{"program reads", "callback"} {
		t.Run(style, func(t *testing.T) {
			o := &goserver.WebSocketOptions{QueueBytes: 2 * messages * size}
			answer := func(s *goserver.WebSocket, typ goserver.MessageType, p []byte) {
				if err := s.Write(typ, bytes.Repeat(p, size)); err != nil {
					t.Errorf("message %q: %v", p, err)
				}
			}
			f := func(s *goserver.WebSocket) {
				for {
					typ, p, err := s.Next()
					if err != nil {
						return
					}
					answer(s, typ, p)
				}
			}
			if style == "callback" {
				o.OnMessage, f = answer, nil
			}
			url, srv := secureSocketServer(t, o, f)
			c := dialSocket(t, url)
			for i := range messages {
				must(t, c.send(wsframe.Binary, []byte{byte(i)}))
				poll(t, "message", func() bool { return srv.WebSocketStats()[0].MessagesIn == int64(i+1) })
			}
			for i := range messages {
				_, p, err := c.message(nil)
				if err != nil || !bytes.Equal(p, bytes.Repeat([]byte{byte(i)}, size)) {
					t.Fatalf("message %d: %d bytes, %v", i, len(p), err)
				}
			}
			must(t, c.close(1000))
			c.expectClose(1000)
		})
	}
}

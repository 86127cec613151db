package goserver_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/wsframe"
)

// tunnelServer serves WebSockets at /ws, in the clear or by TLS.
func tunnelServer(t *testing.T, secure bool, o *goserver.WebSocketOptions, f func(*goserver.WebSocket), change ...func(*goserver.Server)) (*goserver.Server, net.Addr) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ws", func(w http.ResponseWriter, r *http.Request) {
		if r.Proto != "HTTP/2.0" {
			t.Errorf("the request is of %s", r.Proto)
		}
		if s, err := goserver.Upgrade(w, r, o); err == nil && f != nil {
			f(s)
		}
	})
	mux.HandleFunc("GET /page", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "a page") })
	s := &goserver.Server{Handler: mux, WebSockets: true, WebSocketSpread: -1}
	for _, c := range change {
		c(s)
	}
	if !secure {
		addr, _ := start(t, s)
		return s, addr
	}
	cert, _ := certificate(t)
	s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	served := make(chan error, 1)
	go func() { served <- s.ServeTLS(l, "", "") }()
	t.Cleanup(func() {
		s.Close()
		<-served
	})
	return s, l.Addr()
}

// echoStyles are the two ways in which a program has an echo.
var echoStyles = []struct {
	name string
	o    *goserver.WebSocketOptions
	f    func(*goserver.WebSocket)
}{
	{"program reads", &goserver.WebSocketOptions{MaxMessageBytes: 2 << 20}, echoMessages},
	{"callback", &goserver.WebSocketOptions{MaxMessageBytes: 2 << 20,
		OnMessage: func(s *goserver.WebSocket, typ goserver.MessageType, p []byte) { s.Write(typ, p) }}, nil},
}

func TestWebSocketHTTP2_echo(t *testing.T) {
	for _, transport := range []string{"h2c", "h2"} {
		for _, style := range echoStyles {
			for _, window := range []int{10_000, 1 << 20} {
				t.Run(fmt.Sprint(transport, "/", style.name, "/", window), func(t *testing.T) {
					s, addr := tunnelServer(t, transport == "h2", style.o, style.f)
					c := dialSockets(t, addr, transport == "h2", window)
					st := c.open("/ws")
					if st.status != "200" || st.fields["upgrade"] != "" || st.fields["sec-websocket-accept"] != "" {
						t.Fatalf("answered with %s, %v", st.status, st.fields)
					}
					for _, n := range []int{0, 1, 125, 126, 65535, 65536, 1 << 20} {
						want := bytes.Repeat([]byte("0123456789abcdef"), n/16+1)[:n]
						var wrote sync.WaitGroup
						wrote.Go(func() {
							if err := st.message(wsframe.Binary, want); err != nil {
								t.Errorf("%d bytes: %v", n, err)
							}
						})
						h, got, err := st.frame()
						wrote.Wait()
						if err != nil || h.Opcode != wsframe.Binary || !bytes.Equal(got, want) {
							t.Fatalf("%d bytes: %v, %d bytes, %v", n, h.Opcode, len(got), err)
						}
					}
					must(t, st.message(wsframe.Ping, []byte("ping")))
					if h, p, err := st.frame(); h.Opcode != wsframe.Pong || string(p) != "ping" || err != nil {
						t.Errorf("ping was answered with %v, %q, %v", h.Opcode, p, err)
					}
					must(t, st.sayClose(4000))
					st.expectClose(t, 4000)
					must(t, st.end())
					poll(t, "the end of the stream", func() bool { return s.Stats().Streams == 0 })
					if other := c.open("/ws"); other.status != "200" {
						t.Errorf("the connection is of no use: %v", other.err)
					}
				})
			}
		}
	}
}

// Whatever the windows and the sizes are, messages come back whole and in order.
func TestWebSocketHTTP2_windows(t *testing.T) {
	for seed := range uint64(6) {
		rnd := rand.New(rand.NewPCG(seed, 8441))
		style := echoStyles[seed%2]
		t.Run(fmt.Sprint(seed, " ", style.name), func(t *testing.T) {
			_, addr := tunnelServer(t, false, style.o, style.f, func(s *goserver.Server) {
				s.HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerStream: 1 + rnd.IntN(20_000)}
			})
			c := dialSockets(t, addr, false, 1+rnd.IntN(20_000))
			var clients sync.WaitGroup
			for range 5 {
				var messages [][]byte
				for range 20 {
					m := make([]byte, rnd.IntN(1+rnd.IntN(1+rnd.IntN(30_000))))
					for i := range m {
						m[i] = byte(rnd.Uint32())
					}
					messages = append(messages, m)
				}
				st := c.open("/ws")
				clients.Go(func() {
					for _, m := range messages {
						if err := st.message(wsframe.Binary, m); err != nil {
							t.Error(err)
							return
						}
					}
				})
				clients.Go(func() {
					for i, want := range messages {
						if _, got, err := st.frame(); err != nil || !bytes.Equal(got, want) {
							t.Errorf("message %d of %d bytes: %d bytes, %v", i, len(want), len(got), err)
							return
						}
					}
				})
			}
			clients.Wait()
		})
	}
}

// A client is told of WebSockets only where there are some, and sees what is none.
func TestWebSocketHTTP2_refused(t *testing.T) {
	_, addr := tunnelServer(t, false, nil, nil)
	c := dialSockets(t, addr, false, 65535)
	if !c.offered {
		t.Error("extended CONNECT is not offered")
	}
	for _, tc := range []struct {
		path   string
		fields []string
		want   string
	}{
		{"/ws", []string{"origin", "http://b.example"}, "400"},
		{"/page", nil, "501"},
		{"/none", nil, "404"},
	} {
		if st := c.open(tc.path, tc.fields...); st.status != tc.want {
			t.Errorf("%s: answered with %s, want %s", tc.path, st.status, tc.want)
		}
	}
	addr, _ = start(t, &goserver.Server{})
	if c := dialSockets(t, addr, false, 65535); c.offered {
		t.Error("extended CONNECT is offered by a server without WebSockets")
	}
}

func TestWebSocketHTTP2_close(t *testing.T) {
	ended := make(chan error, 1)
	_, addr := tunnelServer(t, false, nil, func(s *goserver.WebSocket) { ended <- s.Close(1000, "bye") })
	c := dialSockets(t, addr, false, 65535)
	st := c.open("/ws")
	if reason := st.expectClose(t, 1000); reason != "bye" {
		t.Errorf("closed for %q", reason)
	}
	must(t, st.sayClose(1000))
	must(t, st.end())
	if err := receive(t, "end of Close", ended); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// Who is closed without Close sees a reset; and so does the server.
func TestWebSocketHTTP2_lost(t *testing.T) {
	closed := make(chan error, 1)
	opened := make(chan *goserver.WebSocket, 3)
	s, addr := tunnelServer(t, false, &goserver.WebSocketOptions{
		OnMessage: func(*goserver.WebSocket, goserver.MessageType, []byte) {},
		OnClose:   func(_ *goserver.WebSocket, err error) { closed <- err },
	}, func(s *goserver.WebSocket) { opened <- s })
	c := dialSockets(t, addr, false, 65535)
	st := c.open("/ws")
	receive(t, "WebSocket", opened).Abort()
	if _, _, err := st.frame(); err == nil || !strings.Contains(err.Error(), "CANCEL") {
		t.Errorf("the client saw %v", err)
	}
	receive(t, "end after Abort", closed)

	st = c.open("/ws")
	c.mu.Lock()
	c.out.WriteRSTStream(st.id, 8)
	c.mu.Unlock()
	if err := receive(t, "end after a reset", closed); err == nil || !strings.Contains(err.Error(), "CANCEL") {
		t.Errorf("the server saw %v", err)
	}
	c.open("/ws")
	c.conn.Close()
	receive(t, "end after the connection's", closed)
	poll(t, "the end of all", func() bool { n := s.Stats(); return n.Streams == 0 && n.Conns == 0 })
}

// Shutdown closes the sockets of a connection, and waits for them.
func TestWebSocketHTTP2_shutdown(t *testing.T) {
	for _, style := range echoStyles {
		t.Run(style.name, func(t *testing.T) {
			s, addr := tunnelServer(t, false, style.o, style.f)
			c := dialSockets(t, addr, false, 65535)
			sockets := []*socketStream{c.open("/ws"), c.open("/ws"), c.open("/ws")}
			down := make(chan error, 1)
			go func() { down <- s.Shutdown(context.Background()) }()
			for _, st := range sockets {
				st.expectClose(t, 1001)
			}
			c.wait(func() bool { return c.goaways > 0 })
			for _, st := range sockets {
				select {
				case err := <-down:
					t.Fatalf("Shutdown returned %v while WebSockets were open", err)
				default:
				}
				must(t, st.sayClose(1001))
				must(t, st.end())
			}
			c.conn.Close() // as a client does that was told to
			if err := receive(t, "end of Shutdown", down); err != nil {
				t.Errorf("Shutdown: %v", err)
			}
		})
	}
}

// Many sockets on few connections: they end one by one, or with their connection.
func TestWebSocketHTTP2_many(t *testing.T) {
	for _, style := range echoStyles {
		t.Run(style.name, func(t *testing.T) {
			const conns, each = 10, 100
			s, addr := tunnelServer(t, false, style.o, style.f)
			var clients, opened sync.WaitGroup
			all := make(chan struct{})
			for i := range conns {
				c := dialSockets(t, addr, false, 65535)
				opened.Add(1)
				clients.Go(func() {
					var sockets [each]*socketStream
					for j := range sockets {
						sockets[j] = c.open("/ws")
					}
					opened.Done()
					<-all
					for round := range 3 {
						for j, st := range sockets {
							if err := st.message(wsframe.Text, fmt.Appendf(nil, "%d %d %d", i, j, round)); err != nil {
								t.Errorf("write: %v", err)
								return
							}
						}
						for j, st := range sockets {
							if _, p, err := st.frame(); string(p) != fmt.Sprint(i, j, round) || err != nil {
								t.Errorf("%d %d %d: got %q, %v", i, j, round, p, err)
								return
							}
						}
					}
					if i%2 == 0 {
						c.conn.Close()
						return
					}
					for _, st := range sockets {
						st.sayClose(1000)
						st.expectClose(t, 1000)
						if err := st.end(); err != nil {
							t.Error(err)
						}
					}
				})
			}
			opened.Wait()
			if n := s.Stats().Streams; n != conns*each {
				t.Errorf("%d streams are open", n)
			}
			close(all)
			clients.Wait()
			poll(t, "the end of all streams", func() bool { return s.Stats().Streams == 0 })
		})
	}
}

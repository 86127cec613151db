package goserver_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"testing"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/wsframe"
)

// Of the tests of slow readers over HTTP/2: the window of the stream is what the peer takes.
const (
	slowTunnelMessages = 200
	slowTunnelBytes    = 4 << 10
	slowWindow         = 64 << 10
	slowTunnelQueue    = 32 << 10
	slowTunnelChunk    = 16 << 10 // which the connection takes over

	// slowTunnelAccepted is how many messages find room while the peer does not read.
	slowTunnelAccepted = (slowWindow + slowTunnelChunk + 2*slowTunnelQueue) / slowTunnelBytes
)

// slowTunnel serves a WebSocket that is sent slowTunnelMessages, each with its number; results are those of Write.
func slowTunnel(t *testing.T, secure bool, o *goserver.WebSocketOptions) (*socketStream, *goserver.Server, chan error) {
	t.Helper()
	results := make(chan error, slowTunnelMessages)
	o.QueueBytes, o.OnMessage = slowTunnelQueue, echoMessage
	srv, addr := tunnelServer(t, secure, o, func(s *goserver.WebSocket) {
		go func() {
			defer close(results)
			p := make([]byte, slowTunnelBytes)
			for i := range uint32(slowTunnelMessages) {
				binary.BigEndian.PutUint32(p, i)
				err := s.Write(goserver.BinaryMessage, p)
				results <- err
				if err != nil && err != goserver.ErrMessageDropped {
					return
				}
			}
		}()
	})
	st := dialSockets(t, addr, secure, slowWindow).open("/ws")
	if st.status != "200" {
		t.Fatalf("answered with %q, %v", st.status, st.err)
	}
	return st, srv, results
}

// number reads a message and returns its number.
func (st *socketStream) number(t *testing.T) int {
	t.Helper()
	h, p, err := st.frame()
	if err != nil || h.Opcode != wsframe.Binary || len(p) != slowTunnelBytes {
		t.Fatalf("got %v, %d bytes, %v", h.Opcode, len(p), err)
	}
	return int(binary.BigEndian.Uint32(p))
}

func eachSlowTunnel(t *testing.T, f func(t *testing.T, secure bool)) {
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprint("TLS ", secure), func(t *testing.T) { f(t, secure) })
	}
}

// Who writes waits for a peer whose window is shut, and then all comes.
func TestWebSocketHTTP2_slowBlock(t *testing.T) {
	eachSlowTunnel(t, func(t *testing.T, secure bool) {
		st, _, results := slowTunnel(t, secure, &goserver.WebSocketOptions{})
		poll(t, "what the window takes", func() bool { return len(results) >= slowWindow/(slowTunnelBytes+wsframe.MaxHeader) })
		for i := range slowTunnelMessages {
			if got := st.number(t); got != i {
				t.Fatalf("message %d instead of %d", got, i)
			}
			if n := len(results); n > i+1+slowTunnelAccepted {
				t.Errorf("%d messages were taken from who writes, the peer has %d", n, i+1)
			}
		}
		for err := range results {
			must(t, err)
		}
		must(t, st.sayClose(1000))
		st.expectClose(t, 1000)
	})
}

// What is dropped is whole messages, which are counted; the newest are kept, in their order.
func TestWebSocketHTTP2_slowDropOldest(t *testing.T) {
	eachSlowTunnel(t, func(t *testing.T, secure bool) {
		st, srv, results := slowTunnel(t, secure, &goserver.WebSocketOptions{QueuePolicy: goserver.QueueDropOldest})
		newest, next := -1, 0
		for err := range results { // to the end, though nobody reads
			switch err {
			case nil:
				newest = next
			case goserver.ErrMessageDropped: // all older ones were on their way
			default:
				t.Fatal(err)
			}
			next++
		}
		dropped := int(srv.WebSocketStats()[0].Dropped)
		if dropped < slowTunnelMessages-slowTunnelAccepted {
			t.Errorf("%d messages were dropped", dropped)
		}
		last := -1
		for range slowTunnelMessages - dropped {
			n := st.number(t)
			if n <= last {
				t.Fatalf("%d behind %d", n, last)
			}
			last = n
		}
		if last != newest {
			t.Errorf("the last message is %d, want %d", last, newest)
		}
		must(t, st.sayClose(1000))
		st.expectClose(t, 1000) // and nothing before it
	})
}

// A peer whose window is shut is disconnected behind what was accepted for it.
func TestWebSocketHTTP2_slowDisconnect(t *testing.T) {
	eachSlowTunnel(t, func(t *testing.T, secure bool) {
		closed := make(chan error, 2)
		st, srv, results := slowTunnel(t, secure, &goserver.WebSocketOptions{
			QueuePolicy: goserver.QueueDisconnect,
			OnClose:     func(_ *goserver.WebSocket, err error) { closed <- err },
		})
		accepted, last := -1, error(nil)
		for last = range results {
			accepted++
		}
		if last != goserver.ErrQueueFull || accepted > slowTunnelAccepted {
			t.Fatalf("%d messages were taken, the next got %v", accepted, last)
		}
		for want := range accepted {
			if got := st.number(t); got != want {
				t.Fatalf("message %d instead of %d", got, want)
			}
		}
		st.expectClose(t, 1013)
		must(t, st.sayClose(1013))
		must(t, st.end())
		var ended *goserver.CloseError
		if err := receive(t, "OnClose", closed); !errors.As(err, &ended) || ended.Code != 1013 || ended.Remote {
			t.Errorf("OnClose got %v", err)
		}
		poll(t, "the end", func() bool { return srv.WebSocketStats()[0].Closed[1013] == 1 })
	})
}

// The handshake over HTTP/2 is refused as over HTTP/1.1, without the fields of a connection (RFC 9113 §8.2.2).
func TestWebSocketHTTP2_refusals(t *testing.T) {
	for _, tc := range []struct {
		name   string
		o      *goserver.WebSocketOptions
		fields []string
		status string
		body   string
	}{
		{"two versions", nil, []string{"sec-websocket-version", "8"}, "426", "Unsupported Sec-WebSocket-Version (need 13)"},
		{"origin", nil, []string{"origin", "https://b.example"}, "400", "Origin not in allow-list"},
		{"no origin, with a list", &goserver.WebSocketOptions{Origins: []string{"https://a.example"}}, nil, "400", "Origin not in allow-list"},
		{"no compression", &goserver.WebSocketOptions{Compression: goserver.CompressionRequired}, nil, "400", "permessage-deflate required but not offered"},
		{"compression of no use", &goserver.WebSocketOptions{Compression: goserver.CompressionRequired}, []string{"sec-websocket-extensions", "permessage-deflate; x"}, "400", "no acceptable permessage-deflate parameter set"},
		{"extensions are no list", nil, []string{"sec-websocket-extensions", "a b"}, "400", "malformed Sec-WebSocket-Extensions"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, addr := tunnelServer(t, false, tc.o, nil)
			st := dialSockets(t, addr, false, 65535).open("/ws", tc.fields...)
			p := make([]byte, len(tc.body))
			n, err := st.Read(p)
			if st.status != tc.status || string(p[:n]) != tc.body || err != nil {
				t.Errorf("%s %q, %v; want %s %q", st.status, p[:n], err, tc.status, tc.body)
			}
			if st.fields["upgrade"] != "" || st.fields["connection"] != "" {
				t.Errorf("fields of a connection: %v", st.fields)
			}
			if got := st.fields["sec-websocket-version"]; (got == "13") != (tc.status == "426") {
				t.Errorf("sec-websocket-version: %q", got)
			}
		})
	}
}

package load

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/wsframe"
)

// socketTarget serves WebSockets with o; joined, if any, gets each.
func socketTarget(t *testing.T, size int64, o *goserver.WebSocketOptions, joined func(*goserver.WebSocket)) Target {
	s := &goserver.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if socket, err := goserver.Upgrade(w, r, o); err == nil && joined != nil {
			joined(socket)
		}
	})}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		s.Serve(l)
		close(done)
	}()
	t.Cleanup(func() {
		s.Close()
		<-done
	})
	return Target{Addr: netip.MustParseAddrPort(l.Addr().String()), Path: "/ws", Size: size}
}

func sendBack(s *goserver.WebSocket, t goserver.MessageType, p []byte) { s.Write(t, p) }

const testRun = 50 * time.Millisecond

func TestEcho(t *testing.T) {
	for name, e := range map[string]Echo{
		"one under way": {Conns: 5, Depth: 1, Threads: 1},
		"pipelined":     {Conns: 3, Depth: 16, Threads: 2},
		"by the clock":  {Conns: 3, Depth: 1, Rate: 2000, Threads: 1},
		"compressed":    {Conns: 3, Depth: 1, Deflate: true, Threads: 1},
	} {
		for _, size := range []int64{1, 125, 1 << 10, 64 << 10} {
			if e.Deflate && size < goserver.DefaultCompressFrom {
				continue
			}
			target := socketTarget(t, size, &goserver.WebSocketOptions{OnMessage: sendBack}, nil)
			r := longer(t, func(d time.Duration) (Result, error) { return e.Run(t.Context(), target, testRun, d, self) })
			if r.Errors != 0 || r.Requests == 0 || r.P99 < r.P50 || r.Bytes == 0 {
				t.Errorf("%s, %d bytes: %+v", name, size, r)
			}
		}
	}
}

// What comes back must be what was sent.
func TestEcho_wrong(t *testing.T) {
	for want, f := range map[error]func(s *goserver.WebSocket, t goserver.MessageType, p []byte){
		errContent: func(s *goserver.WebSocket, t goserver.MessageType, p []byte) { p[len(p)-1] ^= 1; s.Write(t, p) },
		errLength:  func(s *goserver.WebSocket, t goserver.MessageType, p []byte) { s.Write(t, p[:len(p)-1]) },
		errClose:   func(s *goserver.WebSocket, t goserver.MessageType, p []byte) { s.Close(1000, "") },
	} {
		target := socketTarget(t, 1000, &goserver.WebSocketOptions{OnMessage: f}, nil)
		r := longer(t, func(d time.Duration) (Result, error) {
			return Echo{Conns: 1, Depth: 1, Threads: 1}.Run(t.Context(), target, testRun, d, self)
		})
		if r.Errors == 0 || r.Requests != 0 {
			t.Errorf("%v: %+v", want, r)
		}
		if !strings.HasPrefix(r.Problem, want.Error()) {
			t.Errorf("problem %q, want %v", r.Problem, want)
		}
	}
}

// Whatever pieces frames come in, the messages are found.
func TestInbound_pieces(t *testing.T) {
	m := newMessages(2, 300, false)
	var stream []byte
	for _, p := range m.plain {
		stream = wsframe.Header{Opcode: wsframe.Binary, Length: 100}.Append(stream)
		stream = append(stream, p[:100]...)
		stream = wsframe.Header{Opcode: wsframe.Ping, Fin: true, Length: 2}.Append(stream)
		stream = append(stream, "hi"...)
		stream = wsframe.Header{Opcode: wsframe.Continuation, Fin: true, Length: 200}.Append(stream)
		stream = append(stream, p[100:]...)
	}
	for step := 1; step <= len(stream); step++ {
		pongs, whole := 0, 0
		in := inbound{m: m, pong: func(p []byte) {
			if string(p) == "hi" {
				pongs++
			}
		}}
		for rest := stream; len(rest) > 0; {
			n := min(step, len(rest))
			k, err := in.feed(rest[:n], nil)
			if err != nil {
				t.Fatalf("pieces of %d: %v", step, err)
			}
			whole += k
			rest = rest[n:]
		}
		if whole != 2 || pongs != 2 {
			t.Fatalf("pieces of %d: %d messages, %d pings", step, whole, pongs)
		}
	}
}

func TestBroadcast(t *testing.T) {
	var mu sync.Mutex
	all := map[*goserver.WebSocket]bool{}
	o := &goserver.WebSocketOptions{OnMessage: func(_ *goserver.WebSocket, typ goserver.MessageType, p []byte) {
		mu.Lock()
		defer mu.Unlock()
		m := goserver.NewPreparedMessage(typ, p)
		for s := range all {
			s.WritePrepared(m)
		}
	}}
	target := socketTarget(t, 1<<10, o, func(s *goserver.WebSocket) {
		mu.Lock()
		defer mu.Unlock()
		all[s] = true
	})
	r := longer(t, func(d time.Duration) (Result, error) { return Broadcast(t.Context(), target, 20, 2, testRun, d, self) })
	if r.Errors != 0 || r.Requests == 0 || r.Requests%40 != 0 || r.P50 == 0 {
		t.Errorf("%+v", r)
	}
}

func TestUpgrades(t *testing.T) {
	target := socketTarget(t, 1, &goserver.WebSocketOptions{OnMessage: sendBack}, nil)
	r := longer(t, func(d time.Duration) (Result, error) { return Upgrades(t.Context(), target, 2, testRun, d, self) })
	if r.Errors != 0 || r.Requests == 0 {
		t.Errorf("%+v", r)
	}
}

func TestIdleSockets(t *testing.T) {
	target := socketTarget(t, 1<<10, &goserver.WebSocketOptions{OnMessage: sendBack}, nil)
	for _, deflate := range []bool{false, true} {
		r, err := IdleSockets(t.Context(), target, 10, 0, deflate, testRun, self)
		if err != nil || r.Errors != 0 || r.Requests != 10 {
			t.Errorf("deflate %t: %+v, %v", deflate, r, err)
		}
	}
}

func TestUpgrade_refused(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	target := Target{Addr: netip.MustParseAddrPort(s.Listener.Addr().String()), Path: "/ws", Size: 1}
	if _, err := (Echo{Conns: 1, Depth: 1, Threads: 1}).Run(context.Background(), target, 0, 0, nil); !errors.Is(err, errUpgrade) {
		t.Errorf("%v, want %v", err, errUpgrade)
	}
	target = socketTarget(t, 1, &goserver.WebSocketOptions{OnMessage: sendBack, Compression: goserver.CompressionOff}, nil)
	if _, err := (Echo{Conns: 1, Depth: 1, Threads: 1, Deflate: true}).Run(context.Background(), target, 0, 0, nil); !errors.Is(err, errDeflate) {
		t.Errorf("%v, want %v", err, errDeflate)
	}
}

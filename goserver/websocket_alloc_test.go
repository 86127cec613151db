package goserver_test

import (
	"context"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/wsframe"
)

// TestAllocs_webSocket pins the allocations of an echo of 1 KiB, client and server together: none.
func TestAllocs_webSocket(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for _, tc := range []struct {
		name string
		o    *goserver.WebSocketOptions
		f    func(*goserver.WebSocket)
	}{
		{"callback", &goserver.WebSocketOptions{OnMessage: echoMessage}, nil},
		{"Next", nil, echoMessages},
		{"Read with a deadline", nil, func(s *goserver.WebSocket) {
			var buf []byte
			for {
				s.SetReadDeadline(time.Now().Add(time.Minute))
				typ, p, err := s.Read(buf[:0])
				if err != nil || s.Write(typ, p) != nil {
					return
				}
				buf = p
			}
		}},
		{"ReadContext", nil, func(s *goserver.WebSocket) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			var buf []byte
			for {
				typ, p, err := s.ReadContext(ctx, buf[:0])
				if err != nil || s.Write(typ, p) != nil {
					return
				}
				buf = p
			}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := dialSocket(t, socketServer(t, tc.o, tc.f))
			message, buf := make([]byte, 1<<10), make([]byte, 2<<10)
			echo := func() {
				if err := c.send(wsframe.Binary, message); err != nil {
					t.Fatal(err)
				}
				if _, p, err := c.message(buf[:0]); err != nil || len(p) != len(message) {
					t.Fatal(len(p), err)
				}
			}
			for range 100 { // warm the pools
				echo()
			}
			if n := testing.AllocsPerRun(2000, echo); n > 0 {
				t.Errorf("%v allocations a message", n)
			}
		})
	}
}

package goserver_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"testing"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/wsframe"
)

// tunnelsEnv tells TestWebSocketHTTP2_holding how many connections with how many sockets each to open,
// and where.
const tunnelsEnv = "HYPERION_TEST_TUNNELS"

// TestWebSocketHTTP2_holding is the client of the tests below, a process of its own.
func TestWebSocketHTTP2_holding(t *testing.T) {
	var secure bool
	var at string
	var conns, each int
	if _, err := fmt.Sscan(os.Getenv(tunnelsEnv), &secure, &at, &conns, &each); err != nil {
		t.Skip("the client of another test")
	}
	addr, err := net.ResolveTCPAddr("tcp", at)
	must(t, err)
	for range conns {
		c := dialSockets(t, addr, secure, 1<<16)
		for range each {
			st := c.open("/ws")
			if st.status != "200" {
				t.Fatalf("answered with %q, %v", st.status, st.err)
			}
			must(t, st.message(wsframe.Text, []byte("x")))
			if _, p, err := st.frame(); err != nil || string(p) != "x" {
				t.Fatalf("echo: %q, %v", p, err)
			}
		}
	}
	fmt.Println("open")
	os.Stdin.Read(make([]byte, 1))
}

// A connection whose streams are idle sockets holds little, and no goroutine, however many there are.
func TestWebSocketHTTP2_idleMemory(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("heavy")
	}
	callback := &goserver.WebSocketOptions{OnMessage: echoMessage}
	for _, tc := range []struct {
		name        string
		secure      bool
		o           *goserver.WebSocketOptions
		f           func(*goserver.WebSocket)
		conns, each int
		most        int64 // bytes of a connection in use on the heap, with what its spans have free, and stacks
		goroutines  int
	}{
		{"one socket each", false, callback, nil, 1000, 1, 4608, 0},
		{"many sockets each", false, callback, nil, 20, 100, 100 * 1536, 0},
		{"TLS", true, callback, nil, 300, 1, 64 << 10, 0},
		{"the program reads", false, nil, echoMessages, 300, 1, 32 << 10, 300},
	} {
		t.Run(tc.name, func(t *testing.T) {
			srv, addr := tunnelServer(t, tc.secure, tc.o, tc.f)
			before, running := memory(), runtime.NumGoroutine()
			client, stdin, said := elsewhere(t, "TestWebSocketHTTP2_holding", fmt.Sprintf("%s=%v %v %d %d", tunnelsEnv, tc.secure, addr, tc.conns, tc.each), "open")
			poll(t, "the connections to be parked", func() bool { return srv.Stats().Parked == int64(tc.conns) })
			held, extra := (memory()-before)/int64(tc.conns), runtime.NumGoroutine()-running-tc.goroutines
			t.Logf("%d connections of %d sockets hold %d bytes each; %d goroutines more", tc.conns, tc.each, held, extra)
			if held > tc.most || extra > 50 {
				t.Errorf("a connection holds %d bytes, all hold %d goroutines more; want at most %d, and few", held, extra, tc.most)
			}
			if n := srv.Stats().Streams; n != int64(tc.conns*tc.each) {
				t.Errorf("%d streams", n)
			}
			stdin.Close()
			io.Copy(io.Discard, said)
			must(t, client.Wait())
			poll(t, "the sockets to end", func() bool { return srv.Stats().Conns == 0 })
		})
	}
}

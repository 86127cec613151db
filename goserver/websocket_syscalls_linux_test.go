package goserver_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/wsframe"
)

// socketSyscalls is the variable that makes this test binary the traced server of sockets.
const socketSyscalls = "HYPERION_TEST_SOCKET_SYSCALLS"

// TestSyscalls_socketServer is the server of TestSyscalls_socket: it tells its address and
// echoes what it is told, which marks places in the trace.
func TestSyscalls_socketServer(t *testing.T) {
	if os.Getenv(socketSyscalls) == "" {
		t.Skip("runs for TestSyscalls_socket, traced")
	}
	l := listenWide(t)
	mux := http.NewServeMux()
	for path, style := range map[string]struct {
		o *goserver.WebSocketOptions
		f func(*goserver.WebSocket)
	}{
		"/callback": {&goserver.WebSocketOptions{OnMessage: echoMessage}, func(*goserver.WebSocket) {}},
		"/program":  {&goserver.WebSocketOptions{}, echoMessages},
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			s, err := goserver.Upgrade(w, r, style.o)
			must(t, err)
			style.f(s)
		})
	}
	srv := &goserver.Server{Handler: mux}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	fmt.Println(l.Addr())
	io.Copy(os.Stdout, os.Stdin)
	srv.Close()
	<-done
}

// TestSyscalls_socket counts what messages cost in system calls: an echo a read and a
// write, and messages that come together one of each for all.
func TestSyscalls_socket(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes calls of its own")
	}
	const n, burst = 20, 16
	for _, style := range []string{"callback", "program"} {
		t.Run(style, func(t *testing.T) {
			s := startTraced(t, "TestSyscalls_socketServer", socketSyscalls, fileCalls+",recvfrom,recvmsg,epoll_pwait,epoll_pwait2,epoll_ctl")
			c := openSocket(t, s.conn, "a.example", "/"+style)
			c.echo(wsframe.Binary, make([]byte, 1<<10))
			s.mark(t, "echo")
			for range n {
				c.echo(wsframe.Binary, bytes.Repeat([]byte("x"), 1<<10))
			}
			s.mark(t, "echo end")
			frame := wsframe.Header{Opcode: wsframe.Text, Fin: true, Masked: true, Length: 64}.Append(nil)
			frame = append(frame, bytes.Repeat([]byte("y"), 64)...)
			s.mark(t, "burst")
			for range n {
				_, err := c.conn.Write(bytes.Repeat(frame, burst))
				must(t, err)
				for range burst {
					_, p, err := c.message(nil)
					if err != nil || len(p) != 64 {
						t.Fatalf("%d bytes, %v", len(p), err)
					}
				}
			}
			s.mark(t, "burst end")
			for _, what := range []string{"echo", "burst"} {
				calls := s.calls(t)[what]
				t.Logf("%d × %s: %v", n, what, calls)
				reads, writes := calls["read"], calls["write"]+calls["writev"]+calls["sendto"]+calls["sendmsg"]
				others := total(calls) - reads - writes - calls["epoll_pwait"] - calls["mmap"] // of all connections, and of the runtime
				// A program that reads message by message answers the first of a burst at once, and what
				// it writes fast together: how many writes that is depends on its speed.
				// Of a burst that the server reads, the goroutine that writes what waits too long may come between.
				most := n
				switch {
				case what == "burst" && style == "callback":
					most = 2 * n
				case what == "burst":
					most = burst * n
				}
				if reads != n || writes > most || writes < n || others > 0 {
					t.Errorf("%d × %s: %v, want %d reads and at most %d writes", n, what, calls, n, most)
				}
			}
		})
	}
}

package goserver_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/hyperion-server/hyperion/goserver"
)

// socketsEnv tells TestWebSocket_holding how many sockets to open, and where.
const socketsEnv = "HYPERION_TEST_SOCKETS"

// TestWebSocket_holding is the client of TestWebSocket_idleMemory, a process of its own.
func TestWebSocket_holding(t *testing.T) {
	var scheme, addr string
	var n int
	if _, err := fmt.Sscan(os.Getenv(socketsEnv), &scheme, &addr, &n); err != nil {
		t.Skip("the client of another test")
	}
	for range n {
		conn, err := net.Dial("tcp", addr)
		must(t, err)
		defer conn.Close()
		if scheme == "wss" {
			conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
		}
		_, err = io.WriteString(conn, opening(addr, "/ws")+"\x81\x81\x00\x00\x00\x00x")
		must(t, err)
		r := bufio.NewReaderSize(conn, 512)
		_, err = http.ReadResponse(r, nil)
		must(t, err)
		echo := make([]byte, 3)
		if _, err := io.ReadFull(r, echo); err != nil || string(echo) != "\x81\x01x" {
			t.Fatalf("echo: %q, %v", echo, err)
		}
	}
	fmt.Println("open")
	os.Stdin.Read(make([]byte, 1))
}

// An idle socket with callbacks holds little, and no goroutine, however many there are.
func TestWebSocket_idleMemory(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("heavy")
	}
	var limit syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	n := min(int(limit.Cur)-200, 10_000)
	if n < 500 {
		t.Skipf("only %d descriptors", limit.Cur)
	}
	const each = 768 // bytes in use on the heap, with what its spans have free, and stacks
	url, srv := socketServerOf(t, &goserver.WebSocketOptions{OnMessage: echoMessage}, nil)
	held, extra := holdSockets(t, url, srv, n)
	if held > each || extra > 50 {
		t.Errorf("%d sockets hold %d bytes each and %d goroutines, want at most %d and none", n, held, extra, each)
	}
}

// Over TLS an idle socket holds what crypto/tls does, and no goroutine either.
func TestWebSocketTLS_idleMemory(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("heavy")
	}
	url, srv := secureSocketServer(t, &goserver.WebSocketOptions{OnMessage: echoMessage}, nil)
	if _, extra := holdSockets(t, url, srv, 500); extra > 50 {
		t.Errorf("500 sockets hold %d goroutines", extra)
	}
}

// holdSockets has another process open n sockets, and returns the bytes of each that they hold here when
// each has had an echo, and the goroutines of all.
func holdSockets(t *testing.T, url string, srv *goserver.Server, n int) (held int64, goroutines int) {
	t.Helper()
	scheme, addr, _ := strings.Cut(strings.TrimSuffix(url, "/ws"), "://")
	before, running := memory(), runtime.NumGoroutine()
	client, stdin, said := elsewhere(t, "TestWebSocket_holding", fmt.Sprintf("%s=%s %s %d", socketsEnv, scheme, addr, n), "open")
	held, goroutines = (memory()-before)/int64(n), runtime.NumGoroutine()-running
	t.Logf("%d sockets hold %d bytes each; %d goroutines more", n, held, goroutines)
	if conns := srv.Stats().Conns; conns != int64(n) {
		t.Errorf("%d connections, want %d", conns, n)
	}
	stdin.Close()
	io.Copy(io.Discard, said)
	must(t, client.Wait())
	poll(t, "the sockets to end", func() bool { return srv.Stats().Conns == 0 })
	return held, goroutines
}

package goserver_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"github.com/hyperion-server/hyperion/goserver"
)

// socketsEnv tells TestWebSocket_holding how many sockets to open, and where.
const socketsEnv = "HYPERION_TEST_SOCKETS"

// TestWebSocket_holding is the client of TestWebSocket_idleMemory, a process of its own.
func TestWebSocket_holding(t *testing.T) {
	var addr string
	var n int
	if _, err := fmt.Sscan(os.Getenv(socketsEnv), &addr, &n); err != nil {
		t.Skip("the client of another test")
	}
	for range n {
		conn, err := net.Dial("tcp", addr)
		must(t, err)
		defer conn.Close()
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
	const each = 1024 // bytes in use on the heap, with what its spans have free, and stacks
	url, srv := socketServerOf(t, &goserver.WebSocketOptions{OnMessage: echoMessage}, nil)
	addr := url[len("ws://") : len(url)-len("/ws")]
	before, goroutines := memory(), runtime.NumGoroutine()
	client := exec.Command(os.Args[0], "-test.run", "^TestWebSocket_holding$")
	client.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d", socketsEnv, addr, n))
	client.Stderr = os.Stderr
	stdin, err := client.StdinPipe()
	must(t, err)
	stdout, err := client.StdoutPipe()
	must(t, err)
	must(t, client.Start())
	said := bufio.NewReader(stdout)
	if line, err := said.ReadString('\n'); line != "open\n" {
		rest, _ := io.ReadAll(said)
		client.Wait()
		t.Fatalf("the client said %q, %v%s", line, err, rest)
	}
	held := (memory() - before) / int64(n)
	extra := runtime.NumGoroutine() - goroutines
	t.Logf("%d sockets hold %d bytes each; %d goroutines more", n, held, extra)
	if conns := srv.Stats().Conns; conns != int64(n) || held > each || extra > 50 {
		t.Errorf("%d sockets hold %d bytes each and %d goroutines, want at most %d and none", conns, held, extra, each)
	}
	stdin.Close()
	io.Copy(io.Discard, said)
	must(t, client.Wait())
	poll(t, "the sockets to end", func() bool { return srv.Stats().Conns == 0 })
}

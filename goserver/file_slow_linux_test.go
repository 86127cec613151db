package goserver_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/hyperion-server/hyperion/goserver"
)

// listenSmall returns a listener whose connections hold little: a reader that
// stalls stalls the server soon.
func listenSmall(t *testing.T, sndbuf int) net.Listener {
	t.Helper()
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF, sndbuf) })
	}}
	l, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	must(t, err)
	return l
}

// stall begins n downloads of path and reads nothing of them but the first bytes.
func stall(t *testing.T, addr, path string, n int) []net.Conn {
	t.Helper()
	dialer := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 8<<10) })
	}}
	conns := make([]net.Conn, n)
	for i := range conns {
		c, err := dialer.Dial("tcp", addr)
		must(t, err)
		t.Cleanup(func() { c.Close() })
		_, err = io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		must(t, err)
		conns[i] = c
	}
	first := make([]byte, len("HTTP/1.1 200"))
	for _, c := range conns {
		_, err := io.ReadFull(c, first)
		must(t, err)
		if string(first) != "HTTP/1.1 200" {
			t.Fatalf("got %q", first)
		}
	}
	return conns
}

func threads(t *testing.T) int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	must(t, err)
	return len(tasks)
}

// serveSlow serves content behind small socket buffers, by the rung, from a direct
// route and from a handler.
func serveSlow(t *testing.T, rung string, content string) (*goserver.Server, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f")
	writeFile(t, path, content)
	f, err := os.Open(path)
	must(t, err)
	t.Cleanup(func() { f.Close() })
	srv := &goserver.Server{FileRung: rung}
	must(t, srv.Handle("GET /direct", func(c *goserver.Ctx) { c.SendFile(f, 0, int64(len(content))) }))
	srv.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, path) })
	l := listenSmall(t, 8<<10)
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	t.Cleanup(func() {
		srv.Close()
		<-done
	})
	return srv, l.Addr().String()
}

// Readers that stall hold no thread, on any rung, and get their file when they go on.
func TestFile_slowReaders(t *testing.T) {
	const n = 200
	content := pattern(1 << 20)
	for _, rung := range []string{"sendfile", "splice", "copy"} {
		for _, path := range []string{"/direct", "/handler"} {
			t.Run(rung+path, func(t *testing.T) {
				_, addr := serveSlow(t, rung, content)
				before := threads(t)
				conns := stall(t, addr, path, n)
				if now := threads(t); now > before+n/2 { // a busy machine has the runtime start some
					t.Errorf("%d threads with %d stalled readers, %d before", now, n, before)
				}
				for _, c := range conns[:3] {
					all, err := io.ReadAll(c)
					_, body, _ := bytes.Cut(all, []byte("\r\n\r\n"))
					if err != nil || string(body) != content {
						t.Errorf("after the stall: %d bytes, %v", len(body), err)
					}
				}
			})
		}
	}
}

// stallEnv tells TestFile_stalling how many downloads to begin, and where.
const stallEnv = "HYPERION_TEST_STALL"

// TestFile_stalling is the client of TestFile_slowReaders_memory, a process of its own: it
// says when all downloads have begun, and reads some to their end when it is told to.
func TestFile_stalling(t *testing.T) {
	var addr string
	var n int
	if _, err := fmt.Sscan(os.Getenv(stallEnv), &addr, &n); err != nil {
		t.Skip("the client of another test")
	}
	conns := stall(t, addr, "/direct", n)
	fmt.Println("stalled")
	os.Stdin.Read(make([]byte, 1))
	for _, c := range conns[:5] {
		all, err := io.ReadAll(c)
		if err != nil || !bytes.HasSuffix(all, []byte(pattern(1<<20))) {
			t.Errorf("after the stall: %d bytes, %v", len(all), err)
		}
	}
}

// elsewhere runs a test in another process, with a variable set, and returns when it has said that
// it is ready. What ends it is the test's business: most end when stdin is closed.
func elsewhere(t *testing.T, test, variable, ready string) (client *exec.Cmd, stdin io.WriteCloser, said *bufio.Reader) {
	t.Helper()
	client = exec.Command(os.Args[0], "-test.run", "^"+test+"$")
	client.Env = append(os.Environ(), variable)
	client.Stderr = os.Stderr
	stdin, err := client.StdinPipe()
	must(t, err)
	stdout, err := client.StdoutPipe()
	must(t, err)
	must(t, client.Start())
	said = bufio.NewReader(stdout)
	if line, err := said.ReadString('\n'); line != ready+"\n" {
		rest, _ := io.ReadAll(said)
		client.Wait()
		t.Fatalf("the client said %q, %v%s", line, err, rest)
	}
	return client, stdin, said
}

// stallElsewhere begins n downloads in another process, and returns when all have begun.
// finish lets it read some of them, and end all.
func stallElsewhere(t *testing.T, addr string, n int) (finish func()) {
	t.Helper()
	client, stdin, said := elsewhere(t, "TestFile_stalling", fmt.Sprintf("%s=%s %d", stallEnv, addr, n), "stalled")
	return func() {
		t.Helper()
		stdin.Close()
		rest, _ := io.ReadAll(said)
		if err := client.Wait(); err != nil {
			t.Errorf("the client: %v: %s", err, rest)
		}
	}
}

// Downloads that stall hold a bounded amount of memory each, however many they are.
func TestFile_slowReaders_memory(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("heavy")
	}
	var limit syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	most := int(limit.Cur) - 200
	if most < 500 {
		t.Skipf("only %d descriptors", limit.Cur)
	}
	const each = 24 << 10 // bytes of a download: a goroutine's stack and a session's buffers
	content := pattern(1 << 20)
	for rung, n := range map[string]int{"sendfile": min(most, 10_000), "copy": min(most, 2_000)} {
		t.Run(rung, func(t *testing.T) {
			srv, addr := serveSlow(t, rung, content)
			before := memory()
			finish := stallElsewhere(t, addr, n)
			held := (memory() - before) / int64(n)
			t.Logf("%d downloads hold %d bytes each", n, held)
			if conns := srv.Stats().Conns; conns != int64(n) || held > each {
				t.Errorf("%d downloads: a stalled one holds %d bytes, want at most %d", conns, held, each)
			}
			finish()
			poll(t, "the downloads to end", func() bool { return srv.Stats().Conns == 0 })
		})
	}
}

// memory is what the heap and the stacks take.
func memory() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

package goserver_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
)

// tlsSyscalls is the variable that makes this test binary the traced server.
const tlsSyscalls = "HYPERION_TEST_TLS_SYSCALLS"

// TestSyscalls_tlsServer is the server of TestSyscalls_tls: it tells its address
// and echoes what it is told, which marks places in the trace.
func TestSyscalls_tlsServer(t *testing.T) {
	if os.Getenv(tlsSyscalls) == "" {
		t.Skip("runs for TestSyscalls_tls, traced")
	}
	l := listenWide(t)
	cert, _ := certificate(t)
	body := bytes.Repeat([]byte("x"), 1<<20)
	srv := &goserver.Server{
		KTLS:      goserver.KTLSOff,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/1m" {
				w.Header().Set("Content-Length", strconv.Itoa(len(body)))
				w.Write(body)
				return
			}
			io.WriteString(w, "hello")
		}),
	}
	must(t, srv.HandleStatic("GET /static", []byte("hello"), "text/plain"))
	done := make(chan error, 1)
	go func() { done <- srv.ServeTLS(l, "", "") }()
	fmt.Println(l.Addr())
	io.Copy(os.Stdout, os.Stdin)
	srv.Close()
	<-done
}

// TestSyscalls_tls counts what a request over TLS costs in system calls: for a
// small one a read and a write, for a large one a write for each 64 KiB.
func TestSyscalls_tls(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes calls of its own")
	}
	s := startTraced(t, "TestSyscalls_tlsServer", tlsSyscalls, fileCalls)
	s.conn = tls.Client(s.conn, &tls.Config{InsecureSkipVerify: true}) // what is counted is the server's
	s.r = bufio.NewReader(s.conn)
	const n = 20
	for _, path := range []string{"/static", "/hello", "/1m"} {
		for range n { // records have their full size behind the first 128 KiB
			s.get(t, "/1m")
		}
		s.mark(t, path)
		for range n {
			s.get(t, path)
		}
		s.mark(t, path+" end")
	}
	for path, most := range map[string]struct{ reads, writes int }{
		"/static": {n, n}, "/hello": {n, n}, "/1m": {n, n * (1<<20/(64<<10) + 1)},
	} {
		calls := s.calls(t)[path]
		t.Logf("%d × %s: %v", n, path, calls)
		writes := calls["write"] + calls["writev"] + calls["sendto"] + calls["sendmsg"]
		if calls["read"] > most.reads || writes > most.writes && (os.Geteuid() == 0 || path != "/1m") || total(calls) > calls["read"]+writes+calls["mmap"] { // the runtime may need memory
			t.Errorf("%d × %s: %v, want at most %d reads and %d writes", n, path, calls, most.reads, most.writes)
		}
		if writes < n {
			t.Errorf("%d × %s: %v: too few to be true", n, path, calls)
		}
	}
}

// A tracedServer is a test that serves, under strace, and a connection to it. It tells its
// address, and echoes what it is told.
type tracedServer struct {
	log    string
	in     io.WriteCloser
	out    *bufio.Reader
	cmd    *exec.Cmd
	conn   net.Conn
	r      *bufio.Reader
	counts map[string]map[string]int
}

// startTraced runs the test, for which variable is set, and traces the calls.
func startTraced(t *testing.T, test, variable, calls string) *tracedServer {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed: system calls are not counted")
	}
	s := &tracedServer{log: filepath.Join(t.TempDir(), "trace")}
	s.cmd = exec.Command(strace, "-f", "-qq", "-s", "16", "-e", "signal=none", "-e", "trace="+calls, "-o", s.log,
		os.Args[0], "-test.run=^"+test+"$")
	s.cmd.Env = append(tracedEnv(), variable+"=1")
	s.in, err = s.cmd.StdinPipe()
	must(t, err)
	out, err := s.cmd.StdoutPipe()
	must(t, err)
	must(t, s.cmd.Start())
	t.Cleanup(func() { s.in.Close(); s.cmd.Wait() })
	s.out = bufio.NewReader(out)
	addr, err := s.out.ReadString('\n')
	if err != nil {
		t.Skip("strace cannot trace here (ptrace may be forbidden)")
	}
	nc, err := net.Dial("tcp", strings.TrimSpace(addr))
	must(t, err)
	t.Cleanup(func() { nc.Close() })
	must(t, nc.(*net.TCPConn).SetReadBuffer(4<<20))
	must(t, nc.SetDeadline(time.Now().Add(patience)))
	s.conn = nc
	return s
}

func (s *tracedServer) get(t *testing.T, path string) {
	t.Helper()
	fmt.Fprintf(s.conn, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
	resp, err := http.ReadResponse(s.r, nil)
	must(t, err)
	_, err = io.Copy(io.Discard, resp.Body)
	must(t, err)
}

// mark leaves a mark in the trace.
func (s *tracedServer) mark(t *testing.T, text string) {
	t.Helper()
	_, err := fmt.Fprintf(s.in, "@%s\n", text)
	must(t, err)
	_, err = s.out.ReadString('\n')
	must(t, err)
}

var markPattern = regexp.MustCompile(`write\(1, "@(.*)\\n"`)

// calls ends the server and counts its calls from each mark to the next.
func (s *tracedServer) calls(t *testing.T) map[string]map[string]int {
	t.Helper()
	if s.counts != nil {
		return s.counts
	}
	s.in.Close()
	go io.Copy(io.Discard, s.out)
	must(t, s.cmd.Wait())
	text, err := os.ReadFile(s.log)
	must(t, err)
	s.counts = map[string]map[string]int{}
	var now map[string]int
	for line := range strings.Lines(string(text)) {
		if m := markPattern.FindStringSubmatch(line); m != nil {
			now = map[string]int{}
			s.counts[m[1]] = now
			continue
		}
		if call := callOf(line); call != "" && now != nil {
			now[call]++
		}
	}
	return s.counts
}

// callOf returns the system call that a line of the trace is to be counted as, or "". A read that
// strace shows in two lines, its beginning and its end, counts by the second, which tells what it found.
// Reads that found nothing are those of an idle connection. The runtime wakes its own poller through an
// eventfd, when a timer is due or a file was opened, and a call that its signals cut off is made again.
func callOf(line string) string {
	switch {
	case strings.Contains(line, "EAGAIN"), strings.Contains(line, eventfdOne), strings.Contains(line, "ERESTART"):
	case strings.Contains(line, "read(0,"), strings.Contains(line, `write(1, "@`), strings.Contains(line, `resumed>"@`): // of the marks
	case strings.Contains(line, "read(") && strings.Contains(line, "<unfinished"):
	case strings.Contains(line, "<... read resumed>"):
		return "read"
	default:
		if call := callPattern.FindStringSubmatch(line); call != nil {
			return call[1]
		}
	}
	return ""
}

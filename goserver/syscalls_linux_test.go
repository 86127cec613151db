package goserver_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
)

// syscallsDir is the variable that makes this test binary the traced server.
const syscallsDir = "HYPERION_TEST_SYSCALLS_DIR"

// TestSyscalls_server is the server of TestSyscalls: it tells its address and
// serves until its input ends.
func TestSyscalls_server(t *testing.T) {
	dir := os.Getenv(syscallsDir)
	if dir == "" {
		t.Skip("runs for TestSyscalls, traced")
	}
	l := listenWide(t)
	srv := &goserver.Server{Handler: http.FileServer(http.Dir(dir))}
	must(t, srv.Static("/site/", dir, &goserver.StaticOptions{NoCompression: true, Recheck: time.Hour}))
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	fmt.Println(l.Addr())
	io.Copy(io.Discard, os.Stdin)
	srv.Close()
	<-done
}

// listenWide returns a listener whose connections have room for a whole response, so that
// none is cut into several calls.
func listenWide(t *testing.T) net.Listener {
	t.Helper()
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) {
			syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUFFORCE, 8<<20) // root may
		})
	}}
	l, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	must(t, err)
	return l
}

// fileCalls are the system calls that are counted.
const fileCalls = "open,openat,openat2,stat,lstat,fstat,newfstatat,statx,read,pread64,preadv,preadv2,readv,lseek,fcntl,fadvise64," +
	"write,writev,sendto,sendmsg,sendfile,splice,pipe2,mmap,close"

// TestSyscalls counts the system calls that requests cost, on one connection.
func TestSyscalls(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes calls of its own")
	}
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed: system calls are not counted")
	}
	dir := siteDir(t, map[string]string{
		"1k.bin": pattern(1 << 10), "other.bin": pattern(1 << 10), "12k.bin": pattern(12 << 10), "1m.bin": pattern(1 << 20),
		"cached.bin": pattern(1 << 10), "cached30k.bin": pattern(30 << 10),
	})
	traced := trace(t, strace, dir, []string{
		"/site/cached.bin?1", "/site/cached.bin?2", "/site/cached.bin?3", "/site/cached.bin?4",
		"/site/cached30k.bin?1", "/site/cached30k.bin?2", "/site/cached30k.bin?3", "/site/cached30k.bin?4",
		"/site/other.bin", "/site/1k.bin", "/site/12k.bin", "/site/1m.bin", "/12k.bin", "/1m.bin",
	})
	writes := func(n map[string]int) int { return n["write"] + n["writev"] + n["sendto"] + n["sendmsg"] }
	cached := func(n map[string]int) bool { return writes(n) == 1 && total(n) == 1+n["mmap"] } // the runtime may need memory
	small := func(n map[string]int) bool { return total(n) <= 4+n["mmap"] && writes(n) == 1 && n["sendfile"] == 0 }
	large := func(n map[string]int) bool {
		// A signal of the runtime's may cut one off; for others than root a small buffer does.
		whole := n["sendfile"] >= 4 && (n["sendfile"] < 8 || os.Geteuid() != 0)
		return writes(n) == 1 && whole && n["fadvise64"] == 1
	}
	for _, c := range []struct {
		target string
		ok     func(calls map[string]int) bool
		want   string
	}{
		{"/site/cached.bin?4", cached, "1 write"},
		{"/site/cached30k.bin?4", cached, "1 write"},
		{"/site/1k.bin", small, "at most 4 calls, 1 of them a write"},
		{"/site/12k.bin", small, "at most 4 calls, 1 of them a write"},
		{"/site/1m.bin", large, "1 write and about 4 sendfile"},
		{"/12k.bin", func(n map[string]int) bool { return writes(n) == 1 && n["sendfile"] == 0 }, "1 write"},
		{"/1m.bin", large, "1 write and about 4 sendfile"},
	} {
		n := traced[c.target]
		t.Logf("%-22s %v", c.target, n)
		if !c.ok(n) {
			t.Errorf("%s cost %v, want %s", c.target, n, c.want)
		}
	}
}

func total(calls map[string]int) (sum int) {
	for _, n := range calls {
		sum += n
	}
	return sum
}

// trace runs the server under strace, requests the targets one after the other
// and returns the calls of each, without the read of the request.
func trace(t *testing.T, strace, dir string, targets []string) map[string]map[string]int {
	t.Helper()
	log := filepath.Join(t.TempDir(), "trace")
	cmd := exec.Command(strace, "-f", "-qq", "-s", "64", "-e", "signal=none", "-e", "trace="+fileCalls, "-o", log,
		os.Args[0], "-test.run=^TestSyscalls_server$")
	cmd.Env = append(tracedEnv(), syscallsDir+"="+dir)
	var stderr syncBuffer
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	must(t, err)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	addr, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		stdin.Close()
		cmd.Wait()
		t.Skipf("strace cannot trace here (ptrace may be forbidden): %s", stderr.String())
	}
	fetch(t, strings.TrimSpace(addr), targets)
	stdin.Close()
	go io.Copy(io.Discard, stdout)
	must(t, cmd.Wait())
	text, err := os.ReadFile(log)
	must(t, err)
	return countCalls(string(text), targets)
}

// tracedEnv is the environment of a server whose calls are counted: there the runtime does not look each
// second at how many processors its control group has, which it does with pread64.
func tracedEnv() []string { return append(os.Environ(), "GODEBUG=updatemaxprocs=0") }

// fetch gets the targets on one connection. What comes is read at once.
func fetch(t *testing.T, addr string, targets []string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	must(t, err)
	defer c.Close()
	must(t, c.(*net.TCPConn).SetReadBuffer(4<<20))
	must(t, c.SetDeadline(time.Now().Add(patience)))
	r := bufio.NewReaderSize(c, 1<<20)
	for _, target := range append(targets, "/end") {
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target)
		resp, err := http.ReadResponse(r, nil)
		must(t, err)
		_, err = io.Copy(io.Discard, resp.Body)
		must(t, err)
	}
}

var (
	callPattern = regexp.MustCompile(`^\d+ +(\w+)\(`)
	getPattern  = regexp.MustCompile(`"GET (\S+) HTTP`)
)

// eventfdOne is how strace shows what is written to an eventfd to wake its reader.
const eventfdOne = `"\1\0\0\0\0\0\0\0", 8`

// countCalls counts the calls from each request's read to that of the next.
func countCalls(text string, targets []string) map[string]map[string]int {
	counts := map[string]map[string]int{}
	var now map[string]int
	for line := range strings.Lines(text) {
		if get := getPattern.FindStringSubmatch(line); get != nil {
			now = map[string]int{}
			counts[get[1]] = now
			continue
		}
		if call := callOf(line); call != "" && now != nil {
			now[call]++
		}
	}
	maps.DeleteFunc(counts, func(target string, _ map[string]int) bool { return target == "/end" })
	return counts
}

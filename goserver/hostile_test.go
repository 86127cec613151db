package goserver_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/internal/leaktest"
)

// A usage is what a server must give back.
type usage struct {
	goroutines, descriptors int
	heap                    uint64
}

func measure(t *testing.T) usage {
	t.Helper()
	runtime.GC()
	runtime.GC() // the first one only drops what pools hold
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("descriptors are counted in /proc")
	}
	return usage{runtime.NumGoroutine(), len(fds), m.HeapAlloc}
}

// heapSlack is what the runtime's own structures may have grown by, in bytes.
const heapSlack = 4 << 20

func (u usage) within(base usage) bool {
	return u.goroutines <= base.goroutines && u.descriptors <= base.descriptors && u.heap <= base.heap+heapSlack
}

// TestHostile lets clients of many bad kinds loose on one server. When they
// have gone, it holds as many goroutines and descriptors as before, and as
// much memory; and it still serves.
func TestHostile(t *testing.T) {
	quiet(t)               // or leaks would hide behind what ends meanwhile
	var ended atomic.Int64 // endless responses
	s := &goserver.Server{
		Handler:          hostileHandler(&ended),
		WriteIdleTimeout: 300 * time.Millisecond,
	}
	if err := s.HandleStatic("GET /static", []byte("static"), "text/plain"); err != nil {
		t.Fatal(err)
	}
	addr, served := start(t, s)
	c, br := talk(t, addr)
	for _, path := range []string{"/", "/static", "/large"} {
		request(t, c, br, ask("GET "+path+" HTTP/1.1"))
	}
	c.Close()
	empty := func() bool { return s.Stats().Conns == 0 }
	poll(t, "no connections", empty)
	base := measure(t)

	for _, kind := range []struct {
		name    string
		clients int
		act     func(t *testing.T, c *net.TCPConn)
	}{
		{"vanish before the first byte", 200, func(t *testing.T, c *net.TCPConn) {}},
		{"vanish in the head", 200, func(t *testing.T, c *net.TCPConn) { io.WriteString(c, "GET / HTTP/1.1\r\nHost: a") }},
		{"vanish while the handler runs", 200, func(t *testing.T, c *net.TCPConn) { io.WriteString(c, ask("GET /wait HTTP/1.1")) }},
		{"vanish in a response", 50, func(t *testing.T, c *net.TCPConn) {
			io.WriteString(c, ask("GET /large HTTP/1.1"))
			io.CopyN(io.Discard, c, 1000)
		}},
		{"vanish with requests unanswered", 50, func(t *testing.T, c *net.TCPConn) { io.WriteString(c, strings.Repeat(get(), 500)) }},
		{"reset in the body", 200, func(t *testing.T, c *net.TCPConn) {
			io.WriteString(c, ask("POST / HTTP/1.1", "Content-Length: 1000000")+letters(10_000))
			c.SetLinger(0)
		}},
		{"reset in a chunk", 200, func(t *testing.T, c *net.TCPConn) {
			io.WriteString(c, postChunked("ffff\r\nabc"))
			c.SetLinger(0)
		}},
		{"reset at once", 200, func(t *testing.T, c *net.TCPConn) { c.SetLinger(0) }},
		{"never read", 20, func(t *testing.T, c *net.TCPConn) {
			io.WriteString(c, ask("GET /endless HTTP/1.1"))
			for deadline := time.Now().Add(patience); ended.Load() < 20 && time.Now().Before(deadline); {
				time.Sleep(10 * time.Millisecond)
			}
			if n := ended.Load(); n != 20 {
				t.Errorf("%d of 20 endless responses ended", n)
			}
		}},
		{"send and never read", 4, func(t *testing.T, c *net.TCPConn) {
			all := strings.Repeat(ask("GET /large HTTP/1.1"), 1000)
			for range 2000 {
				if _, err := io.WriteString(c, all); err != nil {
					return
				}
			}
			t.Error("2 million requests were taken in though no response was read")
		}},
		{"one byte at a time", 10, func(t *testing.T, c *net.TCPConn) {
			for _, b := range []byte(postChunked("3\r\nabc\r\n0\r\n\r\n") + post("abc")) {
				c.Write([]byte{b})
			}
			br := bufio.NewReader(c)
			for range 2 {
				if got := text(t, request(t, io.Discard, br, "")); got != "3 bytes" {
					t.Errorf("%q", got)
				}
			}
		}},
		{"garbage", 100, func(t *testing.T, c *net.TCPConn) {
			c.Write([]byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + letters(20_000)))
			io.Copy(io.Discard, c)
		}},
	} {
		t.Run(kind.name, func(t *testing.T) {
			crowd(t, addr, kind.clients, kind.act)
			poll(t, "no connections", empty)
		})
	}
	t.Run("100 000 pipelined", func(t *testing.T) {
		for _, path := range []string{"/", "/static"} {
			pipeline(t, addr, path, 100_000)
		}
		poll(t, "no connections", empty)
	})

	var now usage
	for deadline := time.Now().Add(2 * patience); ; time.Sleep(50 * time.Millisecond) {
		if now = measure(t); now.within(base) {
			break
		}
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<16)
			t.Fatalf("now %+v, before %+v\n%s", now, base, stacks[:runtime.Stack(stacks, true)])
		}
	}
	c, br = talk(t, addr)
	if got := text(t, request(t, c, br, post("abc"))); got != "3 bytes" {
		t.Errorf("afterwards: %q", got)
	}
	c.Close()
	s.Close()
	receive(t, "end of Serve", served)
}

// quiet waits until the goroutines of the tests before have ended.
func quiet(t *testing.T) {
	t.Helper()
	if err := leaktest.Settle(); err != nil {
		t.Fatal(err)
	}
}

func hostileHandler(ended *atomic.Int64) http.Handler {
	large := letters(1 << 20)
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			return
		}
		fmt.Fprintf(w, "%d bytes", n)
	})
	mux.HandleFunc("/wait", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/large", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, large) })
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		defer ended.Add(1)
		for {
			if _, err := io.WriteString(w, large); err != nil {
				return
			}
		}
	})
	return mux
}

// crowd lets n clients act, 50 at a time, and closes their connections.
func crowd(t *testing.T, addr net.Addr, n int, act func(*testing.T, *net.TCPConn)) {
	var wg sync.WaitGroup
	room := make(chan struct{}, 50)
	for range n {
		room <- struct{}{}
		c, err := net.Dial("tcp", addr.String())
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(patience))
		wg.Go(func() {
			defer func() { <-room }()
			defer c.Close()
			act(t, c.(*net.TCPConn))
		})
	}
	wg.Wait()
}

// pipeline sends n requests without waiting, and checks each response.
func pipeline(t *testing.T, addr net.Addr, path string, n int) {
	c, br := talk(t, addr)
	defer c.Close()
	c.SetDeadline(time.Now().Add(3 * patience))
	go func() {
		w := bufio.NewWriter(c)
		for range n {
			w.WriteString(ask("GET " + path + " HTTP/1.1"))
		}
		w.Flush()
	}()
	want := map[string]string{"/": "0 bytes", "/static": "static"}[path]
	for i := range n {
		res, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Fatalf("%s: response %d: %v", path, i, err)
		}
		b := make([]byte, len(want)+1)
		m, _ := io.ReadFull(res.Body, b)
		if got := string(b[:m]); got != want {
			t.Fatalf("%s: response %d: %q", path, i, got)
		}
	}
}

package goserver_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/hyperion-server/hyperion/goserver"
)

// handlerAllocs is what one request of an http.Handler costs: the Request, the
// exchange behind it, the text of the head, the request's Header map (2) and its
// values, the response's Header map (2) and the value that the handler sets.
const handlerAllocs = 8

// TestAllocs pins the heap allocations of a request on each path, client and
// server together: the client side of this test makes none.
func TestAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	srv := &goserver.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, "hello")
	})}
	must(t, srv.HandleStatic("GET /static", []byte("hello"), "text/plain"))
	must(t, srv.Handle("GET /direct", func(c *goserver.Ctx) {
		c.SetContentType("text/plain", "utf-8")
		c.WriteString("hello")
	}))
	must(t, srv.Handle("GET /item/{id}", func(c *goserver.Ctx) { c.Write(c.PathValue("id")) }))
	var echo [64]byte // one request at a time
	must(t, srv.Handle("POST /echo", func(c *goserver.Ctx) {
		n, _ := io.ReadFull(c.Body(), echo[:5])
		c.Write(echo[:n])
	}))
	addr := serve(t, srv)

	for _, tc := range []struct {
		name, request string
		max           float64
	}{
		{"static route", "GET /static HTTP/1.1\r\nHost: x\r\n\r\n", 0},
		{"static route HEAD", "HEAD /static HTTP/1.1\r\nHost: x\r\n\r\n", 0},
		{"direct route", "GET /direct HTTP/1.1\r\nHost: x\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n", 0},
		{"direct route with a wildcard", "GET /item/a%20b?q=1 HTTP/1.1\r\nHost: x\r\n\r\n", 0},
		{"direct route with a body", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", 0},
		{"http.Handler", "GET /handler HTTP/1.1\r\nHost: x\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n", handlerAllocs},
	} {
		t.Run(tc.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", addr)
			must(t, err)
			defer conn.Close()
			request, buf := []byte(tc.request), make([]byte, 4096)
			exchange := func() {
				if _, err := conn.Write(request); err != nil {
					t.Fatal(err)
				}
				n, err := conn.Read(buf)
				if err != nil || !bytes.HasPrefix(buf[:n], []byte("HTTP/1.1 200 OK\r\n")) {
					t.Fatalf("read %q, %v", buf[:n], err)
				}
			}
			for range 100 { // warm the pools
				exchange()
			}
			if got := testing.AllocsPerRun(2000, exchange); got > tc.max {
				t.Errorf("%v allocations a request, want at most %v", got, tc.max)
			} else {
				t.Logf("%v allocations a request", got)
			}
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// serve runs srv on a port of the kernel's choice until the test ends.
func serve(t testing.TB, srv *goserver.Server) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	t.Cleanup(func() {
		srv.Close()
		if err := <-done; err != http.ErrServerClosed {
			t.Errorf("Serve returned %v, want http.ErrServerClosed", err)
		}
	})
	return l.Addr().String()
}

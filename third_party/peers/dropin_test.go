// Package peers_test proves that handlers, routers, proxies and middlewares
// written for net/http run unchanged on goserver.Server.
package peers_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"expvar"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/rpc"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/felixge/httpsnoop"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/hyperion-server/hyperion/goserver"
)

// patience bounds every wait; no test takes so long.
const patience = time.Minute

// serve is how a test gets a server: what httptest.NewServer does for
// net/http's. (httptest.Server itself cannot hold another server: its
// Config is an *http.Server.) It returns the URL.
func serve(t testing.TB, h http.Handler) string {
	t.Helper()
	return serveWith(t, &goserver.Server{Handler: h})
}

type server interface {
	Serve(net.Listener) error
	Shutdown(context.Context) error
}

func serveWith(t testing.TB, s server) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-served; err != http.ErrServerClosed {
			t.Errorf("Serve: %v", err)
		}
	})
	return "http://" + ln.Addr().String()
}

// client is an http.Client whose connections end with the test.
func client(t testing.TB) *http.Client {
	tr := &http.Transport{DisableCompression: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// do sends a request and returns the response with its body read.
func do(t testing.TB, c *http.Client, method, url string, body io.Reader, fields ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Errorf("%s %s: body: %v", method, url, err)
	}
	return res, string(b)
}

func TestChi(t *testing.T) {
	r := chi.NewRouter()
	r.Use(middleware.RequestID, middleware.RequestLogger(&middleware.DefaultLogFormatter{Logger: printer{io.Discard}, NoColor: true}), middleware.Recoverer, middleware.Compress(5))
	r.Get("/users/{id}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprintf(w, "user %s", chi.URLParam(r, "id"))
	})
	r.Get("/panic", func(http.ResponseWriter, *http.Request) { panic("boom") })
	r.Route("/api", func(r chi.Router) {
		r.With(middleware.AllowContentType("application/json")).Post("/echo", func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
	})
	r.Get("/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "data: 1\n\n")
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		<-r.Context().Done()
	})
	url, c := serve(t, r), client(t)
	for _, x := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/users/7", "", 200, "user 7"},
		{"GET", "/nobody", "", 404, "404 page not found\n"},
		{"POST", "/users/7", "", 405, ""},
		{"GET", "/panic", "", 500, ""},
		{"POST", "/api/echo", `{"a":1}`, 200, `{"a":1}`},
	} {
		res, got := do(t, c, x.method, url+x.path, strings.NewReader(x.body), "Content-Type", "application/json")
		if res.StatusCode != x.status || got != x.want {
			t.Errorf("%s %s: %d %q", x.method, x.path, res.StatusCode, got)
		}
	}
	if res, _ := do(t, c, "GET", url+"/users/7", nil, "Accept-Encoding", "gzip"); res.Header.Get("Content-Encoding") != "gzip" {
		t.Error("middleware.Compress did nothing")
	}
	res, err := c.Get(url + "/events")
	if err != nil {
		t.Fatal(err)
	}
	if l, err := bufio.NewReader(res.Body).ReadString('\n'); l != "data: 1\n" {
		t.Errorf("event: %q %v", l, err)
	}
	res.Body.Close()
}

type printer struct{ w io.Writer }

func (p printer) Print(v ...any) { fmt.Fprintln(p.w, v...) }

func TestStandardHandlers(t *testing.T) {
	dir := t.TempDir()
	content := strings.Repeat("0123456789abcdef", 1<<18) // 4 MiB
	if err := os.WriteFile(filepath.Join(dir, "big.bin"), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /files/", http.StripPrefix("/files", http.FileServer(http.Dir(dir))))
	mux.Handle("/slow", http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), 10*time.Millisecond, "too slow"))
	mux.Handle("/limited", http.MaxBytesHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); errors.As(err, new(*http.MaxBytesError)) {
			http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		}
	}), 100))
	mux.Handle("/cross", http.NewCrossOriginProtection().Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {})))
	mux.HandleFunc("PUT /items/{id}/{rest...}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Pattern, "|", r.PathValue("id"), "|", r.PathValue("rest"))
	})
	url, c := serve(t, mux), client(t)

	if res, got := do(t, c, "GET", url+"/files/big.bin", nil); got != content || res.ContentLength != int64(len(content)) {
		t.Errorf("file: %d bytes, length %d", len(got), res.ContentLength)
	}
	if res, got := do(t, c, "GET", url+"/files/big.bin", nil, "Range", "bytes=16-31"); res.StatusCode != 206 || got != content[:16] {
		t.Errorf("range: %d %q", res.StatusCode, got)
	}
	if res, got := do(t, c, "GET", url+"/slow", nil); res.StatusCode != 503 || got != "too slow" {
		t.Errorf("timeout: %d %q", res.StatusCode, got)
	}
	if res, _ := do(t, c, "POST", url+"/limited", strings.NewReader(content)); res.StatusCode != 413 {
		t.Errorf("limit: %d", res.StatusCode)
	}
	if res, _ := do(t, c, "POST", url+"/limited", strings.NewReader("short")); res.StatusCode != 200 {
		t.Errorf("within the limit: %d", res.StatusCode)
	}
	if res, _ := do(t, c, "POST", url+"/cross", nil, "Origin", "https://evil.test"); res.StatusCode != 403 {
		t.Errorf("cross origin: %d", res.StatusCode)
	}
	if _, got := do(t, c, "PUT", url+"/items/7/a/b", nil); got != "PUT /items/{id}/{rest...}|7|a/b" {
		t.Errorf("pattern: %q", got)
	}
	if res, _ := do(t, c, "GET", url+"/items/7/a", nil); res.StatusCode != 405 || res.Header.Get("Allow") != "PUT" {
		t.Errorf("method: %d, Allow %q", res.StatusCode, res.Header.Get("Allow"))
	}
}

func TestDebugHandlers(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("/debug/vars", expvar.Handler())
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	// A profile takes longer than WriteTimeout: pprof looks for that in the
	// http.Server of the request's context, and moves the deadline.
	url, c := serveWith(t, &goserver.Server{Handler: mux, WriteTimeout: 2 * time.Second}), client(t)
	_, vars := do(t, c, "GET", url+"/debug/vars", nil)
	if err := json.Unmarshal([]byte(vars), &map[string]any{}); err != nil || !strings.Contains(vars, "memstats") {
		t.Errorf("expvar: %v", err)
	}
	for path, want := range map[string]string{"": "goroutine", "goroutine?debug=1": "goroutine profile:", "heap": "\x1f\x8b", "profile?seconds=3": "\x1f\x8b", "trace?seconds=0.1": "go "} {
		if res, got := do(t, c, "GET", url+"/debug/pprof/"+path, nil); res.StatusCode != 200 || !strings.Contains(got, want) {
			t.Errorf("pprof/%s: %d, %d bytes", path, res.StatusCode, len(got))
		}
	}
}

// logged is a middleware as many programs have it, over a wrapped writer.
func logged(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m := httpsnoop.CaptureMetrics(next, w, r)
		log.Info("request", "path", r.URL.Path, "status", m.Code, "bytes", m.Written)
	})
}

func TestWrappedWriter(t *testing.T) {
	var log bytes.Buffer
	done := make(chan struct{}, 3)
	record := slog.New(slog.NewJSONHandler(io.MultiWriter(&log, notify(done)), nil))
	url := serve(t, logged(record, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		switch r.URL.Path {
		case "/all":
			_, flusher := w.(http.Flusher)
			_, hijacker := w.(http.Hijacker)
			_, from := w.(io.ReaderFrom)
			fmt.Fprint(w, flusher, hijacker, from, rc.SetReadDeadline(time.Time{}), rc.SetWriteDeadline(time.Now().Add(patience)), rc.EnableFullDuplex(), rc.Flush())
		case "/file":
			f, err := os.Open("dropin_test.go")
			if err != nil {
				t.Error(err)
				return
			}
			defer f.Close()
			w.WriteHeader(http.StatusAccepted)
			if _, err := io.Copy(w, f); err != nil {
				t.Error(err)
			}
		case "/hijack":
			conn, rw, err := rc.Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			rw.WriteString("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nraw")
			rw.Flush()
		}
	})))
	c := client(t)
	if _, got := do(t, c, "GET", url+"/all", nil); got != "true true true <nil> <nil> <nil> <nil>" {
		t.Errorf("%q", got)
	}
	self, err := os.ReadFile("dropin_test.go")
	if err != nil {
		t.Fatal(err)
	}
	if res, got := do(t, c, "GET", url+"/file", nil); res.StatusCode != 202 || got != string(self) {
		t.Errorf("file: %d, %d bytes", res.StatusCode, len(got))
	}
	if _, got := do(t, c, "GET", url+"/hijack", nil); got != "raw" {
		t.Errorf("%q", got)
	}
	for range 3 {
		<-done
	}
	if !strings.Contains(log.String(), fmt.Sprintf(`"path":"/file","status":202,"bytes":%d`, len(self))) {
		t.Errorf("log: %s", log.String())
	}
}

type notify chan<- struct{}

func (n notify) Write(p []byte) (int, error) { n <- struct{}{}; return len(p), nil }

// Arith is net/rpc's usual example.
type Arith int

func (Arith) Double(n int, twice *int) error { *twice = 2 * n; return nil }

// net/rpc's own HTTP transport sends "CONNECT /_goRPC_ HTTP/1.0" with bare
// LFs: HTTP/1.1 allows neither, and this server refuses it. The same
// protocol works over any other hijacked request.
func TestRPC(t *testing.T) {
	srv := rpc.NewServer()
	if err := srv.Register(new(Arith)); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(rpc.DefaultRPCPath, srv)
	mux.HandleFunc("GET /rpc", func(w http.ResponseWriter, r *http.Request) {
		conn, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: go-rpc\r\n\r\n")
		srv.ServeConn(struct {
			io.Reader
			io.WriteCloser
		}{rw, conn})
	})
	addr := strings.TrimPrefix(serve(t, mux), "http://")
	if c, err := rpc.DialHTTP("tcp", addr); err == nil {
		c.Close()
		t.Error("rpc.DialHTTP works: say so in the documentation")
	}
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(conn, "GET /rpc HTTP/1.1\r\nHost: "+addr+"\r\nConnection: Upgrade\r\nUpgrade: go-rpc\r\n\r\n")
	br := bufio.NewReader(conn)
	if res, err := http.ReadResponse(br, nil); err != nil || res.StatusCode != 101 {
		t.Fatalf("%v %v", res, err)
	}
	c := rpc.NewClient(struct {
		io.Reader
		io.WriteCloser
	}{br, conn})
	defer c.Close()
	for i := range 100 {
		var twice int
		if err := c.Call("Arith.Double", i, &twice); err != nil || twice != 2*i {
			t.Fatalf("%d %v", twice, err)
		}
	}
}

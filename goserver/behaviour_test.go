package goserver_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// start serves in the background; what Serve returned is on the channel.
func start(t *testing.T, s subject) (net.Addr, <-chan error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln.Addr(), startOn(t, s, ln)
}

func startOn(t *testing.T, s subject, ln net.Listener) <-chan error {
	t.Helper()
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	t.Cleanup(func() { s.Close() })
	return served
}

// talk opens a connection that the test's end closes.
func talk(t *testing.T, addr net.Addr) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c, bufio.NewReader(c)
}

// request sends raw bytes and reads one response; its body is in the Body still.
func request(t *testing.T, c io.Writer, br *bufio.Reader, raw string) *http.Response {
	t.Helper()
	io.WriteString(c, raw)
	res, err := http.ReadResponse(br, nil)
	if err != nil {
		t.Fatalf("no response: %v", err)
	}
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Errorf("body: %v", err)
	}
	res.Body = io.NopCloser(bytes.NewReader(b))
	return res
}

func text(t *testing.T, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

// receive waits for a value.
func receive[T any](t *testing.T, what string, ch <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(patience):
		t.Fatalf("no %s", what)
	}
	return v
}

// gone checks that the peer has ended the connection.
func gone(t *testing.T, br *bufio.Reader) {
	t.Helper()
	if b, err := br.ReadByte(); err == nil {
		t.Errorf("read %q, want the end of the connection", b)
	} else if ne, ok := err.(net.Error); ok && ne.Timeout() {
		t.Error("the connection is still open")
	}
}

func say(words string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, words) })
}

func TestConnState_sameConn(t *testing.T) {
	eachServer(t, func(t *testing.T, newServer func(fields) subject) {
		var mu sync.Mutex
		states := map[net.Conn][]http.ConnState{} // as programs keep them: by connection
		closed := make(chan struct{}, 2)
		s := newServer(fields{Handler: say("x"), ConnState: func(c net.Conn, st http.ConnState) {
			mu.Lock()
			defer mu.Unlock()
			states[c] = append(states[c], st)
			if c.RemoteAddr() == nil || c.LocalAddr() == nil {
				t.Errorf("%v: no address", st)
			}
			if st == http.StateClosed {
				closed <- struct{}{}
			}
		}})
		addr, _ := start(t, s)
		for range 2 {
			c, br := talk(t, addr)
			request(t, c, br, get())
			request(t, c, br, get())
			c.Close()
		}
		receive(t, "close", closed)
		receive(t, "close", closed)
		mu.Lock()
		defer mu.Unlock()
		if len(states) != 2 {
			t.Errorf("%d connections, want 2", len(states))
		}
		for _, st := range states {
			if got := fmt.Sprint(st); got != "[new active idle active idle closed]" {
				t.Error(got)
			}
		}
	})
}

func TestContexts(t *testing.T) {
	eachServer(t, func(t *testing.T, newServer func(fields) subject) {
		type key string
		var bases, conns int
		var given net.Listener
		s := newServer(fields{
			BaseContext: func(l net.Listener) context.Context {
				bases++
				given = l
				return context.WithValue(context.Background(), key("base"), "b")
			},
			ConnContext: func(ctx context.Context, c net.Conn) context.Context {
				conns++
				if ctx.Value(http.ServerContextKey) == nil {
					t.Error("no server in the connection's context")
				}
				return context.WithValue(ctx, key("conn"), c.RemoteAddr().String())
			},
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ctx := r.Context()
				_, isServer := ctx.Value(http.ServerContextKey).(*http.Server)
				fmt.Fprintf(w, "%v %v %v %v", ctx.Value(key("base")), ctx.Value(key("conn")) == r.RemoteAddr, isServer, ctx.Value(http.LocalAddrContextKey))
			}),
		})
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		served := startOn(t, s, ln)
		for range 2 {
			c, br := talk(t, ln.Addr())
			for range 2 {
				if got, want := text(t, request(t, c, br, get())), "b true true "+ln.Addr().String(); got != want {
					t.Errorf("%q, want %q", got, want)
				}
			}
		}
		s.Close()
		receive(t, "end of Serve", served)
		if bases != 1 || conns != 2 || given != ln {
			t.Errorf("%d base and %d connection contexts, listener %v", bases, conns, given == ln)
		}
	})
}

// A base context that ends is a way to stop the handlers of a server.
func TestContexts_baseCancelled(t *testing.T) {
	eachServer(t, func(t *testing.T, newServer func(fields) subject) {
		base, cancel := context.WithCancelCause(context.Background())
		running := make(chan struct{})
		cause := make(chan error, 1)
		s := newServer(fields{
			BaseContext: func(net.Listener) context.Context { return base },
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				close(running)
				<-r.Context().Done()
				cause <- context.Cause(r.Context())
			}),
		})
		addr, _ := start(t, s)
		c, _ := talk(t, addr)
		io.WriteString(c, get())
		receive(t, "request", running)
		enough := errors.New("enough")
		cancel(enough)
		if got := receive(t, "cause", cause); got != enough {
			t.Errorf("cause %v", got)
		}
	})
}

func TestShutdown(t *testing.T) {
	eachServer(t, func(t *testing.T, newServer func(fields) subject) {
		running, finish := make(chan struct{}), make(chan struct{})
		s := newServer(fields{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/wait" {
				close(running)
				<-finish
			}
			io.WriteString(w, "done")
		})})
		told := make(chan struct{}, 3)
		s.RegisterOnShutdown(func() { told <- struct{}{} })
		addr, served := start(t, s)

		idle, idleReader := talk(t, addr)
		request(t, idle, idleReader, get())
		busy, busyReader := talk(t, addr)
		io.WriteString(busy, ask("GET /wait HTTP/1.1"))
		receive(t, "request", running)

		short, cancel := context.WithCancel(context.Background())
		cancel()
		if err := s.Shutdown(short); err != context.Canceled {
			t.Errorf("Shutdown that may not wait: %v", err)
		}
		receive(t, "call of the registered function", told)
		if err := receive(t, "end of Serve", served); err != http.ErrServerClosed {
			t.Errorf("Serve: %v", err)
		}
		if c, err := net.Dial("tcp", addr.String()); err == nil {
			c.Close()
			t.Error("a new connection was accepted")
		}

		down := make(chan error, 1)
		go func() { down <- s.Shutdown(context.Background()) }()
		gone(t, idleReader)
		select {
		case err := <-down:
			t.Errorf("Shutdown returned %v while a handler ran", err)
		default:
		}
		close(finish)
		res, err := http.ReadResponse(busyReader, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := text(t, res); got != "done" || !res.Close {
			t.Errorf("%q, close %v", got, res.Close)
		}
		gone(t, busyReader)
		if err := receive(t, "end of Shutdown", down); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := s.Shutdown(context.Background()); err != nil {
			t.Errorf("second Shutdown: %v", err)
		}
	})
}

// A response in flight to a peer that reads slowly is finished.
func TestShutdown_largeResponse(t *testing.T) {
	eachServer(t, func(t *testing.T, newServer func(fields) subject) {
		body := strings.Repeat("b", 8<<20)
		running := make(chan struct{})
		s := newServer(fields{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			close(running)
			io.WriteString(w, body)
		})})
		addr, _ := start(t, s)
		c, br := talk(t, addr)
		io.WriteString(c, get())
		receive(t, "request", running)
		down := make(chan error, 1)
		go func() { down <- s.Shutdown(context.Background()) }()
		res, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := text(t, res); got != body {
			t.Errorf("%d bytes, want %d", len(got), len(body))
		}
		if err := receive(t, "end of Shutdown", down); err != nil {
			t.Error(err)
		}
	})
}

func TestServe_afterShutdown(t *testing.T) {
	eachServer(t, func(t *testing.T, newServer func(fields) subject) {
		s := newServer(fields{Addr: "127.0.0.1:0"})
		if err := s.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown of a server that never served: %v", err)
		}
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Serve(ln); err != http.ErrServerClosed {
			t.Errorf("Serve: %v", err)
		}
		if _, err := ln.Accept(); err == nil {
			t.Error("Serve left the listener open")
		}
		if err := s.ListenAndServe(); err != http.ErrServerClosed {
			t.Errorf("ListenAndServe: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
}

func TestServe_twoListeners(t *testing.T) {
	eachServer(t, func(t *testing.T, newServer func(fields) subject) {
		s := newServer(fields{Handler: say("x")})
		a1, served1 := start(t, s)
		a2, served2 := start(t, s)
		for _, addr := range []net.Addr{a1, a2, a1} {
			c, br := talk(t, addr)
			if got := text(t, request(t, c, br, get())); got != "x" {
				t.Errorf("%v: %q", addr, got)
			}
		}
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		for _, served := range []<-chan error{served1, served2} {
			if err := receive(t, "end of Serve", served); err != http.ErrServerClosed {
				t.Error(err)
			}
		}
	})
}

// A listener that fails ends its own Serve, with its error, and no other.
func TestServe_listenerFails(t *testing.T) {
	eachServer(t, func(t *testing.T, newServer func(fields) subject) {
		s := newServer(fields{Handler: say("x")})
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		served := startOn(t, s, ln)
		other, _ := start(t, s)
		c, br := talk(t, ln.Addr())
		request(t, c, br, get())
		ln.Close()
		if err := receive(t, "end of Serve", served); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Serve: %v", err)
		}
		if got := text(t, request(t, c, br, get())); got != "x" {
			t.Errorf("old connection: %q", got)
		}
		c, br = talk(t, other)
		if got := text(t, request(t, c, br, get())); got != "x" {
			t.Errorf("other listener: %q", got)
		}
	})
}

func TestClose(t *testing.T) {
	eachServer(t, func(t *testing.T, newServer func(fields) subject) {
		running, ended := make(chan struct{}), make(chan error, 1)
		s := newServer(fields{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/wait" {
				close(running)
				<-r.Context().Done()
				ended <- r.Context().Err()
			}
		})})
		s.RegisterOnShutdown(func() { t.Error("Close called the function that is for Shutdown") })
		addr, served := start(t, s)
		idle, idleReader := talk(t, addr)
		request(t, idle, idleReader, get())
		_, newReader := talk(t, addr)
		busy, busyReader := talk(t, addr)
		io.WriteString(busy, ask("GET /wait HTTP/1.1"))
		receive(t, "request", running)
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if err := receive(t, "end of Serve", served); err != http.ErrServerClosed {
			t.Errorf("Serve: %v", err)
		}
		if err := receive(t, "end of the handler", ended); err != context.Canceled {
			t.Errorf("the handler's context: %v", err)
		}
		gone(t, idleReader)
		gone(t, newReader)
		gone(t, busyReader)
	})
}

func TestSetKeepAlivesEnabled_idle(t *testing.T) {
	eachServer(t, func(t *testing.T, newServer func(fields) subject) {
		idle := make(chan struct{}, 10)
		s := newServer(fields{Handler: say("x"), ConnState: func(_ net.Conn, st http.ConnState) {
			if st == http.StateIdle {
				idle <- struct{}{}
			}
		}})
		addr, _ := start(t, s)
		c, br := talk(t, addr)
		request(t, c, br, get())
		receive(t, "idle connection", idle)
		s.SetKeepAlivesEnabled(false)
		gone(t, br)
		c, br = talk(t, addr)
		if res := request(t, c, br, get()); !res.Close {
			t.Error("no Connection: close")
		}
		s.SetKeepAlivesEnabled(true)
		c, br = talk(t, addr)
		if res := request(t, c, br, get()); res.Close {
			t.Error("Connection: close after keep-alives were switched on again")
		}
		request(t, c, br, get())
	})
}

func TestListenAndServe(t *testing.T) {
	eachServer(t, func(t *testing.T, newServer func(fields) subject) {
		busy, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer busy.Close()
		var op *net.OpError
		if err := newServer(fields{Addr: busy.Addr().String()}).ListenAndServe(); !errors.As(err, &op) || op.Op != "listen" {
			t.Errorf("busy port: %v", err)
		}

		addr := make(chan net.Addr, 1)
		s := newServer(fields{Addr: "127.0.0.1:0", Handler: say("x"), BaseContext: func(l net.Listener) context.Context {
			addr <- l.Addr()
			return context.Background()
		}})
		served := make(chan error, 1)
		go func() { served <- s.ListenAndServe() }()
		c, br := talk(t, receive(t, "address", addr))
		if got := text(t, request(t, c, br, get())); got != "x" {
			t.Errorf("%q", got)
		}
		s.Close()
		if err := receive(t, "end of ListenAndServe", served); err != http.ErrServerClosed {
			t.Error(err)
		}
	})
}

var registerDefault = sync.OnceFunc(func() {
	http.HandleFunc("/goserver-test-default-mux", func(w http.ResponseWriter, r *http.Request) { panic("by default") })
})

func TestDefaults(t *testing.T) {
	registerDefault()
	eachServer(t, func(t *testing.T, newServer func(fields) subject) {
		var logged syncBuffer
		log.SetOutput(&logged)
		defer log.SetOutput(log.Default().Writer())
		addr, _ := start(t, newServer(fields{}))
		c, br := talk(t, addr)
		if res := request(t, c, br, get()); res.StatusCode != 404 {
			t.Errorf("http.DefaultServeMux was not asked: %v", res.Status)
		}
		io.WriteString(c, ask("GET /goserver-test-default-mux HTTP/1.1"))
		gone(t, br)
		if !strings.Contains(logged.String(), "by default") {
			t.Errorf("log's default logger has: %q", logged.String())
		}
	})
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func TestUnixSocket(t *testing.T) {
	eachServer(t, func(t *testing.T, newServer func(fields) subject) {
		path := filepath.Join(t.TempDir(), "s")
		ln, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		s := newServer(fields{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/hijack" {
				conn, rw, err := w.(http.Hijacker).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				fmt.Fprintf(rw, "%T %v", conn, conn.LocalAddr())
				rw.Flush()
				return
			}
			fmt.Fprintf(w, "remote %q local %v", r.RemoteAddr, r.Context().Value(http.LocalAddrContextKey))
		})})
		startOn(t, s, ln)
		c, br := talk(t, ln.Addr())
		for range 2 {
			if got, want := text(t, request(t, c, br, get())), `remote "@" local `+path; got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
		io.WriteString(c, ask("GET /hijack HTTP/1.1"))
		if b, _ := io.ReadAll(br); string(b) != "*net.UnixConn "+path {
			t.Errorf("hijacked: %q", b)
		}
	})
}

package goserver_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
)

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

var registerDefault = sync.OnceFunc(func() {
	http.HandleFunc("/goserver-test-default-mux", func(w http.ResponseWriter, r *http.Request) { panic("by default") })
})

func TestDefaults(t *testing.T) {
	registerDefault()
	eachServer(t, func(t *testing.T, newServer func(fields) subject) {
		var logged syncBuffer
		defer log.SetOutput(log.Writer())
		log.SetOutput(&logged)
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

// A writer and a body that outlive their handler are dead: they fail, and
// what the connection has gone on to is untouched.
func TestResponse_afterHandler(t *testing.T) {
	var kept http.ResponseWriter
	var keptBody io.ReadCloser
	s := &goserver.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if kept == nil {
			kept, keptBody = w, r.Body
			io.WriteString(w, "first")
			return
		}
		kept.Header().Set("Late", "1")
		kept.WriteHeader(500)
		rc := http.NewResponseController(kept)
		_, writeErr := kept.Write([]byte("late"))
		_, stringErr := io.WriteString(kept, "late")
		_, fromErr := io.Copy(kept, strings.NewReader("late"))
		_, _, hijackErr := rc.Hijack()
		_, readErr := keptBody.Read(make([]byte, 1))
		for i, err := range []error{writeErr, stringErr, fromErr, hijackErr, readErr, rc.Flush(), rc.SetReadDeadline(time.Unix(1, 0)), rc.SetWriteDeadline(time.Unix(1, 0))} {
			if err == nil {
				t.Errorf("call %d succeeded", i)
			}
		}
		io.WriteString(w, "second")
	})}
	addr, _ := start(t, s)
	c, br := talk(t, addr)
	for _, want := range []string{"first", "second", "second"} {
		res := request(t, c, br, post("abc"))
		if got := text(t, res); got != want || res.Header.Get("Late") != "" {
			t.Errorf("%q, header %v", got, res.Header)
		}
	}
}

// A body that another goroutine waits for is taken from it when the handler
// returns; net/http would wait for the read to end.
func TestBody_readWhileHandlerReturns(t *testing.T) {
	failed := make(chan error, 1)
	s := &goserver.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reading := make(chan struct{})
		go func() {
			close(reading)
			_, err := io.Copy(io.Discard, r.Body)
			failed <- err
		}()
		<-reading
		w.WriteHeader(http.StatusAccepted)
		w.(http.Flusher).Flush()
	})}
	addr, _ := start(t, s)
	c, br := talk(t, addr)
	if res := request(t, c, br, ask("POST / HTTP/1.1", "Content-Length: 1000000", "Connection: close")+"abc"); res.StatusCode != 202 {
		t.Error(res.Status)
	}
	if err := receive(t, "end of the read", failed); err == nil {
		t.Error("the read succeeded")
	}
	gone(t, br)
}

// Idle connections hold neither goroutine nor buffer, and wake.
func TestParked(t *testing.T) {
	s := &goserver.Server{Handler: say("x")}
	addr, _ := start(t, s)
	type peer struct {
		c  net.Conn
		br *bufio.Reader
	}
	peers := make([]peer, 200)
	for i := range peers {
		peers[i].c, peers[i].br = talk(t, addr)
		request(t, peers[i].c, peers[i].br, get())
	}
	poll(t, "all parked", func() bool { return s.Stats().Parked == int64(len(peers)) })
	for range 3 {
		for _, p := range peers {
			if got := text(t, request(t, p.c, p.br, get())); got != "x" {
				t.Fatalf("%q", got)
			}
		}
	}
	if n := s.Stats().Conns; n != int64(len(peers)) {
		t.Errorf("%d connections", n)
	}
}

// TestServer_surface holds Server to http.Server's fields and methods.
func TestServer_surface(t *testing.T) {
	ours, theirs := reflect.TypeFor[goserver.Server](), reflect.TypeFor[http.Server]()
	for _, f := range reflect.VisibleFields(theirs) {
		if !f.IsExported() {
			continue
		}
		mine, has := ours.FieldByName(f.Name)
		if !has {
			t.Errorf("no field %s", f.Name)
		}
		if has && mine.Type != f.Type {
			t.Errorf("field %s is a %v, want %v", f.Name, mine.Type, f.Type)
		}
	}
	ours, theirs = reflect.PointerTo(ours), reflect.PointerTo(theirs)
	for m := range theirs.Methods() {
		mine, has := ours.MethodByName(m.Name)
		if !has {
			t.Errorf("no method %s", m.Name)
			continue
		}
		// The receiver differs, the rest must not.
		if got, want := strings.Replace(mine.Type.String(), "*goserver.Server", "*http.Server", 1), m.Type.String(); got != want {
			t.Errorf("method %s is %s, want %s", m.Name, got, want)
		}
	}
}

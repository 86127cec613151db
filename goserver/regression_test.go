package goserver_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/internal/localnet"
)

// talkTLS is talk over TLS with a server that is started here.
func talkTLS(t *testing.T, s subject, conf *tls.Config) (net.Conn, *bufio.Reader) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.ServeTLS(ln, "", "")
	t.Cleanup(func() { s.Close() })
	c, err := tls.Dial("tcp", ln.Addr().String(), &tls.Config{RootCAs: conf.RootCAs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c, bufio.NewReader(c)
}

// A request whose FIN came with it, so that one event tells of both, is
// answered and the connection closed, not kept idle.
func TestHalfClose_withRequest(t *testing.T) {
	eachServer(t, func(t *testing.T, newServer func(fields) subject) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		c, br := talk(t, ln.Addr())
		io.WriteString(c, get())
		c.(*net.TCPConn).CloseWrite()
		startOn(t, newServer(fields{Handler: say("x"), IdleTimeout: 10 * patience}), ln)
		if got := text(t, request(t, c, br, "")); got != "x" {
			t.Errorf("%q", got)
		}
		gone(t, br)
	})
}

// A read deadline of one request, the handler's or the server's for the body,
// must not end the connection after it.
func TestReadDeadline_endsWithRequest(t *testing.T) {
	cert, pool := certificate(t)
	conf := &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: pool}
	eachServer(t, func(t *testing.T, newServer func(fields) subject) {
		f := fields{TLSConfig: conf, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(w, r.Body) // after 100 (Continue), so in a packet of its own that is read whole
			http.NewResponseController(w).SetReadDeadline(longAgo)
		})}
		for name, connect := range map[string]func() (net.Conn, *bufio.Reader){
			"tcp": func() (net.Conn, *bufio.Reader) {
				addr, _ := start(t, newServer(f))
				return talk(t, addr)
			},
			"tls": func() (net.Conn, *bufio.Reader) { return talkTLS(t, newServer(f), conf) },
		} {
			t.Run(name, func(t *testing.T) {
				c, br := connect()
				for range 3 {
					io.WriteString(c, ask("POST / HTTP/1.1", "Content-Length: 3", "Expect: 100-continue"))
					if res, err := http.ReadResponse(br, nil); err != nil || res.StatusCode != 100 {
						t.Fatalf("%v, %v", res, err)
					}
					if got := text(t, request(t, c, br, "abc")); got != "abc" {
						t.Fatalf("%q", got)
					}
				}
			})
		}
	})
}

// The handler's write deadline holds over TLS as well, and not longer than its request.
func TestWriteDeadline_tls(t *testing.T) {
	cert, pool := certificate(t)
	conf := &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: pool}
	flushed := make(chan error, 1)
	c, br := talkTLS(t, newOurs(fields{TLSConfig: conf, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		io.WriteString(w, "x")
		if r.URL.Path == "/late" {
			rc.SetWriteDeadline(longAgo)
			flushed <- rc.Flush()
		} else {
			rc.SetWriteDeadline(time.Now().Add(time.Hour))
		}
	})}), conf)
	request(t, c, br, get())
	request(t, c, br, get())
	io.WriteString(c, ask("GET /late HTTP/1.1"))
	if err := receive(t, "flush", flushed); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Flush after the deadline: %v", err)
	}
	gone(t, br)
}

// A handler that watches its client while another goroutine reads the body, as
// a reverse proxy does, gets every byte in order, and hears of the end.
func TestWatch_whileBodyIsRead(t *testing.T) {
	cert, pool := certificate(t)
	conf := &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: pool}
	sent := letters(1 << 20)
	read, ended := make(chan string, 1), make(chan error, 1)
	f := fields{TLSConfig: conf, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var reader sync.WaitGroup
		reader.Go(func() {
			b, _ := io.ReadAll(r.Body)
			read <- string(b)
		})
		<-r.Context().Done()
		reader.Wait()
		ended <- r.Context().Err()
	})}
	for name, connect := range map[string]func() (net.Conn, *bufio.Reader){
		"tcp": func() (net.Conn, *bufio.Reader) {
			addr, _ := start(t, newOurs(f))
			return talk(t, addr)
		},
		"tls": func() (net.Conn, *bufio.Reader) { return talkTLS(t, newOurs(f), conf) },
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := connect()
			io.WriteString(c, post(sent))
			if got := receive(t, "body", read); got != sent {
				t.Errorf("%d bytes arrive, or others than were sent", len(got))
			}
			c.Close()
			if err := receive(t, "end of the context", ended); err != context.Canceled {
				t.Error(err)
			}
		})
	}
}

// A handler may return while another goroutine waits for the body: that read
// ends, and the response leaves with the end of the connection. (net/http
// waits for the rest of the body.)
func TestHandlerReturns_whileBodyIsRead(t *testing.T) {
	cert, pool := certificate(t)
	conf := &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: pool}
	for _, path := range []string{"/", "/flush", "/silent"} {
		reading, readEnd := make(chan struct{}), make(chan error, 1)
		f := fields{TLSConfig: conf, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			go func() {
				io.ReadFull(r.Body, make([]byte, 1))
				close(reading)
				_, err := io.ReadAll(r.Body)
				readEnd <- err
			}()
			<-reading
			switch path {
			case "/":
				io.WriteString(w, "early")
			case "/flush":
				w.(http.Flusher).Flush()
				io.WriteString(w, "early")
			}
		})}
		check := func(t *testing.T, c net.Conn, br *bufio.Reader) {
			res := request(t, c, br, ask("POST "+path+" HTTP/1.1", "Content-Length: 100")+"a")
			if got := text(t, res); res.StatusCode != 200 || got != "early" && path != "/silent" {
				t.Errorf("%v %q", res.Status, got)
			}
			if err := receive(t, "end of the read", readEnd); err == nil {
				t.Error("the body ended without an error")
			}
			gone(t, br)
		}
		t.Run("tcp"+path, func(t *testing.T) {
			addr, _ := start(t, newOurs(f))
			c, br := talk(t, addr)
			check(t, c, br)
		})
		reading = make(chan struct{})
		t.Run("tls"+path, func(t *testing.T) {
			c, br := talkTLS(t, newOurs(f), conf)
			check(t, c, br)
		})
	}
}

// A trailer's name that is no token is not sent.
func TestTrailer_badName(t *testing.T) {
	eachServer(t, func(t *testing.T, newServer func(fields) subject) {
		addr, _ := start(t, newServer(fields{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			const name = "A: 1\r\nInjected"
			w.Header()["Trailer"] = []string{name}
			io.WriteString(w, "x")
			w.Header()[name] = []string{"2"}
		})}))
		c, br := talk(t, addr)
		if res := request(t, c, br, get()); len(res.Trailer["Injected"]) != 0 {
			t.Errorf("trailers %v", res.Trailer)
		}
	})
}

// A file in a response with both framings set is sent in the one that the head says.
func TestReadFrom_bothFramings(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	want := letters(100_000)
	if err := os.WriteFile(name, []byte(want), 0o600); err != nil {
		t.Fatal(err)
	}
	eachServer(t, func(t *testing.T, newServer func(fields) subject) {
		addr, _ := start(t, newServer(fields{ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			f, err := os.Open(name)
			if err != nil {
				t.Error(err)
				return
			}
			defer f.Close()
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("Content-Length", "100000")
			w.Header().Set("Transfer-Encoding", "chunked")
			io.CopyN(w, f, 100_000)
		})}))
		c, br := talk(t, addr)
		if got := text(t, request(t, c, br, get())); got != want {
			t.Errorf("%d bytes, or others than the file's", len(got))
		}
	})
}

// What a handler does to its Request does not change the framing.
func TestHead_methodChanged(t *testing.T) {
	addr, _ := start(t, newOurs(fields{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Method = http.MethodGet
		r.ProtoMinor = 0
		io.WriteString(w, "body")
		w.(http.Flusher).Flush()
	})}))
	c, br := talk(t, addr)
	io.WriteString(c, ask("HEAD / HTTP/1.1")+ask("HEAD / HTTP/1.1"))
	for range 2 {
		res, err := http.ReadResponse(br, &http.Request{Method: "HEAD"})
		if err != nil || res.ProtoMinor != 1 {
			t.Fatalf("%v, %v", res, err)
		}
	}
}

// When Close or Shutdown has returned, the address is free.
func TestStop_freesAddress(t *testing.T) {
	eachServer(t, func(t *testing.T, newServer func(fields) subject) {
		ln, err := net.Listen("tcp", "127.0.0.1:"+localnet.Port(t))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			s := newServer(fields{Handler: say("x")})
			served := startOn(t, s, ln)
			c, br := talk(t, ln.Addr())
			request(t, c, br, get())
			c.Close()
			if i%2 == 0 {
				s.Close()
			} else {
				s.Shutdown(context.Background())
			}
			if ln, err = net.Listen("tcp", ln.Addr().String()); err != nil {
				t.Fatalf("round %d: %v", i, err)
			}
			receive(t, "end of Serve", served)
		}
		ln.Close()
	})
}

// A program may close the connections that ConnContext showed it, from any
// goroutine: others that come at the same time are not touched.
func TestConnClose_fromOutside(t *testing.T) {
	eachServer(t, func(t *testing.T, newServer func(fields) subject) {
		type key struct{}
		addr, _ := start(t, newServer(fields{
			ConnContext: func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, key{}, c) },
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/kill" {
					c := r.Context().Value(key{}).(net.Conn)
					go func() {
						c.SetDeadline(time.Now().Add(time.Hour))
						c.LocalAddr()
						c.Close()
						c.Close()
						c.SetDeadline(longAgo)
					}()
				}
				io.WriteString(w, "x")
			}),
		}))
		var clients sync.WaitGroup
		for range 4 {
			clients.Go(func() {
				for range 100 {
					c, err := net.Dial("tcp", addr.String())
					if err != nil {
						t.Error(err)
						return
					}
					c.SetDeadline(time.Now().Add(patience))
					io.WriteString(c, ask("GET /kill HTTP/1.1"))
					if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
						t.Error("the connection is still open")
					}
					c.Close()
				}
			})
			clients.Go(func() {
				c, err := net.Dial("tcp", addr.String())
				if err != nil {
					t.Error(err)
					return
				}
				defer c.Close()
				br := bufio.NewReader(c)
				for range 300 {
					io.WriteString(c, get())
					res, err := http.ReadResponse(br, nil)
					if err != nil {
						t.Errorf("an innocent connection: %v", err)
						return
					}
					io.Copy(io.Discard, res.Body)
				}
			})
		}
		clients.Wait()
	})
}

// A callback that panics costs its connection, not the process.
func TestCallbackPanics(t *testing.T) {
	for _, how := range []string{"panic", "exit"} {
		for _, when := range []string{"active", "idle", "closed", "log"} {
			t.Run(how+"/"+when, func(t *testing.T) { callbackEnds(t, how, when) })
		}
	}
}

// callbackEnds has a callback end the goroutine, by a panic or an exit.
func callbackEnds(t *testing.T, how, when string) {
	end := runtime.Goexit
	if how == "panic" {
		end = func() { panic("in a callback") }
	}
	var logged syncBuffer
	bad := true // one connection after the other
	s := &goserver.Server{
		Handler: say("x"), ErrorLog: log.New(&logged, "", 0),
		ConnState: func(_ net.Conn, st http.ConnState) {
			if st.String() == when && bad {
				bad = false
				end()
			}
		},
		AccessLog: func(*goserver.Record) {
			if when == "log" && bad {
				bad = false
				end()
			}
		},
	}
	addr, _ := start(t, s)
	c, br := talk(t, addr)
	io.WriteString(c, ask("GET / HTTP/1.1", "Connection: close"))
	if when == "idle" {
		io.WriteString(c, get())
	}
	io.Copy(io.Discard, br)
	if when == "idle" {
		c, br = talk(t, addr)
		io.WriteString(c, get())
		io.Copy(io.Discard, br)
	}
	poll(t, "end of the connection", func() bool { return s.Stats().Conns == 0 })
	if got := strings.Contains(logged.String(), "panic"); got != (how == "panic") {
		t.Errorf("log: %q", logged.String())
	}
	c, br = talk(t, addr)
	if got := text(t, request(t, c, br, get())); got != "x" {
		t.Errorf("afterwards: %q", got)
	}
}

// The least rate of a body counts the bytes that just came, and has its grace
// even where the time between two bytes is not limited.
func TestMinBodyRate_noIdleTimeout(t *testing.T) {
	got := make(chan int, 1)
	addr, _ := start(t, &goserver.Server{
		BodyIdleTimeout: -1, MinBodyRate: 1 << 20,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			got <- len(b)
		}),
	})
	c, br := talk(t, addr)
	io.WriteString(c, ask("POST / HTTP/1.1", "Content-Length: 3"))
	for range 3 {
		time.Sleep(300 * time.Millisecond) // longer than the clock is coarse: this time is what is tested
		io.WriteString(c, "a")
	}
	if res := request(t, c, br, ""); res.StatusCode != 200 || receive(t, "body", got) != 3 {
		t.Error(res.Status)
	}
}

// A server of direct routes alone answers a method that none of them takes.
func TestDirect_methodNotAllowed(t *testing.T) {
	srv := &goserver.Server{}
	if err := srv.HandleStatic("GET /page", []byte("x"), "text/plain"); err != nil {
		t.Fatal(err)
	}
	if err := srv.Handle("PUT /page", func(c *goserver.Ctx) { c.WriteString("put") }); err != nil {
		t.Fatal(err)
	}
	addr := serve(t, srv)
	for _, tc := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/page", 200, ""},
		{"PUT", "/page", 200, ""},
		{"POST", "/page", 405, "GET, HEAD, PUT"},
		{"POST", "/other", 404, ""},
	} {
		req, err := http.NewRequest(tc.method, "http://"+addr+tc.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != tc.status || resp.Header.Get("Allow") != tc.allow {
			t.Errorf("%s %s: %d, Allow %q; want %d, %q", tc.method, tc.path, resp.StatusCode, resp.Header.Get("Allow"), tc.status, tc.allow)
		}
	}
}

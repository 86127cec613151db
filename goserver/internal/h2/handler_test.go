package h2

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"

	"github.com/hyperion-server/hyperion/goserver/internal/access"
	"github.com/hyperion-server/hyperion/goserver/internal/netio"
)

// TestHandlers has a handler for each thing that a handler may do.
func TestHandlers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(path, []byte(strings.Repeat("f", 100_000)), 0o600))
	const post = " | :method POST | :scheme http | :authority a | :path /"
	for _, tc := range []struct {
		name    string
		handler http.HandlerFunc
		script  string
	}{
		{"trailers", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Trailer", "X-End")
			io.WriteString(w, "body")
			w.Header().Set("X-End", "z")
			w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
		}, `
			> HEADERS 1 END_STREAM ` + get("/") + `
			< HEADERS 1 | :status 200 | trailer X-End | content-type text/plain; charset=utf-8
			< DATA 1 | body
			< HEADERS 1 END_STREAM | x-end z | grpc-status 0`},
		{"trailers of the request", func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, r.Trailer)
			io.ReadAll(r.Body)
			fmt.Fprint(w, r.Trailer)
		}, `
			> HEADERS 1` + post + ` | trailer x-sum
			> DATA 1 | abc
			> HEADERS 1 END_STREAM | x-sum 3
			< HEADERS 1 | :status 200 | content-type text/plain; charset=utf-8 | content-length 27
			< DATA 1 END_STREAM | map[X-Sum:[]]map[X-Sum:[3]]`},
		{"interim responses", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", "</a.css>")
			w.WriteHeader(103)
			w.Header().Del("Link")
			w.WriteHeader(204)
		}, `
			> HEADERS 1 END_STREAM ` + get("/") + `
			< HEADERS 1 | :status 103 | link </a.css>
			< HEADERS 1 END_STREAM | :status 204`},
		{"100-continue", func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			fmt.Fprint(w, string(b), r.ContentLength)
		}, `
			> HEADERS 1` + post + ` | expect 100-continue
			< HEADERS 1 | :status 100
			> DATA 1 END_STREAM | abc
			< HEADERS 1 | :status 200 | content-type text/plain; charset=utf-8 | content-length 5
			< DATA 1 END_STREAM | abc-1`},
		{"full duplex", func(w http.ResponseWriter, r *http.Request) {
			must(t, http.NewResponseController(w).EnableFullDuplex())
			must(t, http.NewResponseController(w).Flush())
			b := make([]byte, 10)
			for {
				n, err := r.Body.Read(b)
				w.Write(b[:n])
				w.(http.Flusher).Flush()
				if err != nil {
					return
				}
			}
		}, `
			> HEADERS 1` + post + `
			< HEADERS 1 | :status 200
			> DATA 1 | abc
			< DATA 1 | abc
			> DATA 1 | def
			< DATA 1 | def
			> DATA 1 END_STREAM
			< DATA 1 END_STREAM`},
		{"header map after the head", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-A", " b\r\nc ")
			w.Header().Set("Connection", "close")
			w.Header()["X B"] = []string{"no"}
			w.WriteHeader(404)
			w.Header().Set("X-A", "d")
		}, `
			> HEADERS 1 END_STREAM ` + get("/") + `
			< HEADERS 1 END_STREAM | :status 404 | x-a b  c | content-length 0
			wait 500ms
			< GOAWAY 2147483647 NO_ERROR
			< PING drain
			> PING ACK drain
			< GOAWAY 1 NO_ERROR
			< CLOSED`},
		{"cookie crumbs", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Header) }, `
			> HEADERS 1 END_STREAM ` + get("/") + ` | cookie a=b | x y | cookie c=d | cookie e=f
			< HEADERS 1 | :status 200 | content-type text/plain; charset=utf-8 | content-length 33
			< DATA 1 END_STREAM | map[Cookie:[a=b; c=d; e=f] X:[y]]`},
		{"HEAD", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "body") }, `
			> HEADERS 1 END_STREAM | :method HEAD | :scheme http | :authority a | :path /
			< HEADERS 1 END_STREAM | :status 200 | content-type text/plain; charset=utf-8 | content-length 4`},
		{"less than promised", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "10")
			io.WriteString(w, "body")
		}, `
			> HEADERS 1 END_STREAM ` + get("/") + `
			< HEADERS 1 | :status 200 | content-type text/plain; charset=utf-8 | content-length 10
			< RST_STREAM 1 INTERNAL_ERROR`},
		{"file", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, path) }, `
			> WINDOW_UPDATE 0 1000000
			> SETTINGS INITIAL_WINDOW_SIZE=70000
			< SETTINGS ACK
			> HEADERS 1 END_STREAM ` + get("/") + ` | range bytes=5-90004
			< HEADERS 1 | :status 206 | accept-ranges bytes | content-range bytes 5-90004/100000 | content-type text/plain; charset=utf-8 | last-modified LM | content-length 90000
			< DATA 1 | 16375 bytes
			< DATA 1 | 16375 bytes
			< DATA 1 | 16375 bytes
			< DATA 1 | 16375 bytes
			< DATA 1 | 4500 bytes
			> WINDOW_UPDATE 1 50000
			< DATA 1 | 11875 bytes
			< DATA 1 | 8125 bytes
			< DATA 1 END_STREAM`},
		{"read deadline", func(w http.ResponseWriter, r *http.Request) {
			must(t, http.NewResponseController(w).SetReadDeadline(time.Now().Add(time.Second)))
			_, err := io.ReadAll(r.Body)
			fmt.Fprint(w, err)
		}, `
			> HEADERS 1` + post + `
			wait 1500ms
			< HEADERS 1 | :status 200 | content-type text/plain; charset=utf-8 | content-length 11
			< DATA 1 END_STREAM | i/o timeout
			> DATA 1 END_STREAM`},
		{"write deadline", func(w http.ResponseWriter, r *http.Request) {
			must(t, http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Second)))
			<-r.Context().Done()
		}, `
			> HEADERS 1 END_STREAM ` + get("/") + `
			wait 2s
			< RST_STREAM 1 INTERNAL_ERROR`},
		{"events are never held back", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			for range 2 {
				io.WriteString(w, "data: x")
				time.Sleep(time.Second)
			}
		}, `
			> HEADERS 1 END_STREAM ` + get("/") + `
			< HEADERS 1 | :status 200 | content-type text/event-stream
			< DATA 1 | data: x
			wait 1s
			< DATA 1 | data: x
			wait 1s
			< DATA 1 END_STREAM`},
		{"what is long is not held back", func(w http.ResponseWriter, r *http.Request) {
			w.Write(make([]byte, 5000))
			time.Sleep(time.Second)
			w.Write(make([]byte, 600))
			time.Sleep(time.Second)
		}, `
			> HEADERS 1 END_STREAM ` + get("/") + `
			< HEADERS 1 | :status 200 | content-type application/octet-stream
			< DATA 1 | 5000 bytes
			wait 1s
			< DATA 1 | 600 bytes
			wait 1s
			< DATA 1 END_STREAM`},
		{"the end while another stream waits for the window of the connection", sendAndEnd, `
			> HEADERS 1 END_STREAM ` + get("/") + `
			< HEADERS 1 | :status 200 | content-type text/plain; charset=utf-8
			< DATA 1 | early
			> HEADERS 3 END_STREAM ` + get("/long") + `
			< HEADERS 3 | :status 200 | content-type application/octet-stream
			< DATA 3 | 16384 bytes
			< DATA 3 | 16384 bytes
			< DATA 3 | 16384 bytes
			< DATA 3 | 16378 bytes
			wait 1s
			< DATA 1 END_STREAM
			> RST_STREAM 3 8`},
		{"the end when the window is negative", sendAndEnd, `
			> HEADERS 1 END_STREAM ` + get("/") + `
			< HEADERS 1 | :status 200 | content-type text/plain; charset=utf-8
			< DATA 1 | early
			> SETTINGS INITIAL_WINDOW_SIZE=0
			< SETTINGS ACK
			wait 1s
			< DATA 1 END_STREAM`},
		{"CONNECT", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Method, r.Host, r.RequestURI) }, `
			> HEADERS 1 END_STREAM | :method CONNECT | :authority a:80
			< HEADERS 1 | :status 200 | content-type text/plain; charset=utf-8 | content-length 15
			< DATA 1 END_STREAM | CONNECTa:80a:80`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			run(t, handler(tc.handler), func(b *bench) {
				s := b.greet("")
				info, err := os.Stat(path)
				must(t, err)
				s.talk(strings.ReplaceAll(tc.script, "LM", info.ModTime().UTC().Format(http.TimeFormat)))
				s.silent()
			})
		})
	}
}

// sendAndEnd sends what it has at once, and ends a second later.
func sendAndEnd(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/long" {
		w.Write(make([]byte, 100_000))
		return
	}
	io.WriteString(w, "early")
	w.(http.Flusher).Flush()
	time.Sleep(time.Second)
}

// A body that was lost is never taken for a whole one, though its end had come.
func TestLostBody(t *testing.T) {
	for _, how := range []string{"> RST_STREAM 1 8", "close"} {
		t.Run(how, func(t *testing.T) {
			var read chan error
			run(t, func(b *bench) {
				read = make(chan error, 1)
				b.cfg.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					io.ReadFull(r.Body, make([]byte, 3))
					<-r.Context().Done()
					_, err := io.ReadAll(r.Body)
					read <- err
				})
			}, func(b *bench) {
				s := b.greet("")
				s.hush()
				s.talk("> HEADERS 1 | :method POST | :scheme http | :authority a | :path /\n> DATA 1 END_STREAM | abcdef")
				synctest.Wait()
				if how == "close" {
					s.conn.Close()
				} else {
					s.talk(how)
				}
				if err := <-read; err == nil {
					t.Error("what was left of the body was read without an error")
				}
			})
		})
	}
}

// The context of a request ends when its stream or its connection does, and a
// write that waits for a window fails.
func TestClientGone(t *testing.T) {
	for _, how := range []string{"> RST_STREAM 1 8", "close"} {
		t.Run(how, func(t *testing.T) {
			ended := make(chan error, 1)
			wrote := make(chan error, 1)
			run(t, func(b *bench) {
				ended, wrote = make(chan error, 1), make(chan error, 1)
				b.cfg.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/wait" {
						<-r.Context().Done()
						ended <- r.Context().Err()
						return
					}
					_, err := w.Write(make([]byte, 100_000))
					wrote <- err
				})
			}, func(b *bench) {
				s := b.greet("")
				s.hush()
				s.talk("> HEADERS 1 END_STREAM " + get("/wait") + "\n> HEADERS 3 END_STREAM " + get("/"))
				synctest.Wait()
				if how == "close" {
					s.conn.Close()
				} else {
					s.talk(how + "\n> RST_STREAM 3 8")
				}
				if err := <-ended; err == nil {
					t.Error("the context has no error")
				}
				if err := <-wrote; err == nil {
					t.Error("the write has no error")
				}
			})
		})
	}
}

// What panics costs its stream and a line in the log, not the connection.
func TestPanic(t *testing.T) {
	run(t, handler(func(w http.ResponseWriter, r *http.Request) { panic("why") }), func(b *bench) {
		s := b.greet("")
		s.talk("> HEADERS 1 END_STREAM " + get("/") + "\n< RST_STREAM 1 INTERNAL_ERROR\n> PING x\n< PING ACK x")
		if log := b.logged.String(); !strings.Contains(log, "why") {
			t.Errorf("the log says %q", log)
		}
	})
}

// Nothing that a handler has left running can write once it has returned.
func TestWriteAfterReturn(t *testing.T) {
	run(t, func(b *bench) {
		b.cfg.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			began := make(chan bool)
			go func() {
				w.WriteHeader(200)
				close(began)
				if _, err := w.Write(make([]byte, 100_000)); err == nil {
					t.Error("a write that waited was taken when the handler had returned")
				}
			}()
			<-began
			time.Sleep(time.Second)
		})
	}, func(b *bench) {
		s := b.greet("INITIAL_WINDOW_SIZE=10")
		s.talk("> HEADERS 1 END_STREAM " + get("/") + "\n< HEADERS 1 | :status 200 | content-type application/octet-stream\n")
		s.hush()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n := b.engine.Streams(); n != 0 {
			t.Errorf("%d streams are left", n)
		}
	})
}

// What the program is told of a request may panic: also of one that no handler saw. It
// costs the connection.
func TestPanic_record(t *testing.T) {
	for _, request := range []string{get("/direct"), get("/page"), get("/") + " | expect x"} {
		run(t, func(b *bench) {
			site(b)
			b.cfg.Done = func(*access.Record) { panic("why") }
		}, func(b *bench) {
			s := b.greet("")
			s.hush()
			s.talk("> HEADERS 1 END_STREAM " + request + "\n< GOAWAY 1 INTERNAL_ERROR\n< CLOSED")
			if log := b.logged.String(); !strings.Contains(log, "why") {
				t.Errorf("the log says %q", log)
			}
		})
	}
}

// A connection with a stream that is silent is asked for a sign of life.
func TestPing(t *testing.T) {
	run(t, func(b *bench) {
		b.cfg.Ping = 10 * time.Second
		b.cfg.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	}, func(b *bench) {
		s := b.greet("")
		s.talk(`
			> HEADERS 1 END_STREAM ` + get("/") + `
			wait 11s
			< PING alive
			> PING ACK alive
			wait 11s
			< PING alive
			wait 11s
			< GOAWAY 1 NO_ERROR
			< CLOSED`)
	})
}

// When its last stream has ended, a connection is parked.
func TestParks(t *testing.T) {
	run(t, func(b *bench) {
		b.cfg.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { time.Sleep(5 * time.Second) })
	}, func(b *bench) {
		s := b.greet("")
		s.talk(`
			> HEADERS 1 END_STREAM ` + get("/") + `
			wait 5s
			< HEADERS 1 END_STREAM | :status 200 | content-length 0
			wait 62s
			< GOAWAY 1 NO_ERROR
			< CLOSED`)
	})
}

// So is one whose last response leaves slowly: when that has left.
func TestParks_slowWrite(t *testing.T) {
	var slow atomic.Bool
	run(t, func(b *bench) {
		b.wrap = func(c netio.Conn) netio.Conn { return slowConn{c, &slow} }
		b.cfg.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { slow.Store(true) })
	}, func(b *bench) {
		s := b.greet("")
		s.talk("> HEADERS 1 END_STREAM " + get("/"))
		s.silent()
		s.talk(`
			wait 2s
			< HEADERS 1 END_STREAM | :status 200 | content-length 0
			wait 62s
			< GOAWAY 1 NO_ERROR
			< CLOSED`)
	})
}

// A slowConn takes nothing for a second when slow has become true.
type slowConn struct {
	netio.Conn
	slow *atomic.Bool
}

func (c slowConn) TryWritev(v ...[]byte) (int64, error) {
	if c.slow.CompareAndSwap(true, false) {
		return 0, nil
	}
	return c.Conn.TryWritev(v...)
}

func (c slowConn) CanWrite() error {
	time.Sleep(time.Second)
	return c.Conn.CanWrite()
}

// The program is told of changes of state, and of no state twice: also when a connection
// on a socket was parked, and is woken.
func TestStates(t *testing.T) {
	b := &bench{t: t}
	told := make(chan http.ConnState, 10)
	b.serveSocket(func() {
		b.cfg.ConnState = func(_ net.Conn, s http.ConnState) { told <- s }
	}, func(addr string) {
		c, err := net.Dial("tcp", addr)
		must(t, err)
		out := http2.NewFramer(c, nil)
		_, err = io.WriteString(c, http2.ClientPreface)
		must(t, err)
		must(t, out.WriteSettings())
		for i := range 3 {
			if first, then := <-told, <-told; first != http.StateActive || then != http.StateIdle {
				t.Fatalf("told %v and %v when woken for the %d. time", first, then, i)
			}
			must(t, out.WritePing(false, [8]byte{}))
		}
		c.Close()
	})
}

// The timing of the first stream is one line.
func TestTiming(t *testing.T) {
	run(t, func(b *bench) { site(b); b.cfg.Timing = b.cfg.ErrorLog() }, func(b *bench) {
		s := b.greet("")
		for id := range 3 {
			s.talk(fmt.Sprintf("> HEADERS %d END_STREAM %s", 2*id+1, get("/direct")))
		}
		synctest.Wait()
		if log := b.logged.String(); strings.Count(log, "h2 first-stream timing t0_to_t1_ms=") != 1 || strings.Count(log, "\n") != 1 {
			t.Errorf("the log says %q", log)
		}
	})
}

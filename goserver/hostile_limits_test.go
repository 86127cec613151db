package goserver_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
)

// short is a timeout that tests wait for. Nothing depends on it being exact:
// it must not pass early, and it must pass.
const short = 300 * time.Millisecond

// echo answers with the size of the body, or with what was wrong with it.
var echo = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	n, err := io.Copy(io.Discard, r.Body)
	if err == nil {
		fmt.Fprintf(w, "%d bytes", n)
	}
})

func serveLimited(t *testing.T, s *goserver.Server) net.Addr {
	t.Helper()
	if s.Handler == nil {
		s.Handler = echo
	}
	addr, _ := start(t, s)
	return addr
}

// want sends a request, and checks the answer's status and whether the
// connection goes on.
func want(t *testing.T, addr net.Addr, raw string, status int) {
	t.Helper()
	c, br := talk(t, addr)
	res := request(t, c, br, raw)
	body := text(t, res)
	if res.StatusCode != status || res.Close != (status >= 400) {
		t.Errorf("%s, close %v, %q; want %d", res.Status, res.Close, body, status)
	}
	if status >= 400 {
		gone(t, br)
	} else if res := request(t, c, br, get()); res.StatusCode != 200 {
		t.Errorf("next request: %s", res.Status)
	}
}

func TestLimits_size(t *testing.T) {
	t.Run("header bytes", func(t *testing.T) {
		addr := serveLimited(t, &goserver.Server{MaxHeaderBytes: 1000})
		filled := func(n int) string { return get("A: " + strings.Repeat("a", n-len(get("A: ")))) }
		want(t, addr, filled(1000), 200)
		want(t, addr, filled(1001), 431)
		want(t, addr, filled(1100)[:1001], 431) // without its end: no more is waited for
	})
	t.Run("header count", func(t *testing.T) {
		addr := serveLimited(t, &goserver.Server{MaxHeaderCount: 5}) // Host among them
		want(t, addr, get(numbered(4)...), 200)
		want(t, addr, get(numbered(5)...), 431)
	})
	t.Run("target", func(t *testing.T) {
		addr := serveLimited(t, &goserver.Server{MaxTargetBytes: 100})
		want(t, addr, ask("GET /"+strings.Repeat("t", 99)+" HTTP/1.1"), 200)
		want(t, addr, ask("GET /"+strings.Repeat("t", 100)+" HTTP/1.1"), 414)
		want(t, addr, "GET /"+strings.Repeat("t", 200), 414) // without its end
	})
	t.Run("body declared", func(t *testing.T) {
		var called atomic.Bool
		addr := serveLimited(t, &goserver.Server{MaxBodyBytes: 1000, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			called.Store(called.Load() || r.ContentLength > 1000)
			echo(w, r)
		})})
		want(t, addr, post(letters(1000)), 200)
		// Nothing of the body is sent: the answer comes at once, and without 100.
		want(t, addr, ask("POST / HTTP/1.1", "Content-Length: 1001"), 413)
		want(t, addr, ask("POST / HTTP/1.1", "Content-Length: 1001", "Expect: 100-continue"), 413)
		want(t, addr, post(letters(1<<20)), 413)
		if called.Load() {
			t.Error("the handler was called")
		}
	})
	t.Run("body in chunks", func(t *testing.T) {
		errs := make(chan error, 3)
		addr := serveLimited(t, &goserver.Server{MaxBodyBytes: 1000, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, err := io.Copy(io.Discard, r.Body)
			errs <- err
		})})
		chunk := "1f4\r\n" + letters(500) + "\r\n"
		want(t, addr, postChunked(chunk+chunk+"0\r\n\r\n"), 200)
		if err := receive(t, "body", errs); err != nil {
			t.Error(err)
		}
		want(t, addr, postChunked(chunk+chunk+"1\r\n"), 413) // the rest is not waited for
		var tooLarge *http.MaxBytesError
		receive(t, "second request", errs) // the one after the good body
		if err := receive(t, "broken body", errs); !errors.As(err, &tooLarge) || tooLarge.Limit != 1000 {
			t.Errorf("%v", err)
		}
	})
	t.Run("none", func(t *testing.T) {
		addr := serveLimited(t, &goserver.Server{MaxBodyBytes: -1})
		want(t, addr, post(letters(17<<20)), 200)
	})
}

// since checks that at least d has passed.
func since(t *testing.T, began time.Time, d time.Duration) {
	t.Helper()
	if took := time.Since(began); took < d {
		t.Errorf("after %v, before the %v were over", took, d)
	}
}

// inTime holds a conversation that stays within a limit. A client that a busy machine has kept
// from that tries again with a longer one; what a server does wrong goes wrong with any.
func inTime(t *testing.T, talk func(limit time.Duration) error) {
	t.Helper()
	for limit := short; ; limit *= 4 {
		err := talk(limit)
		if err == nil {
			return
		}
		if limit > 10*time.Second {
			t.Fatalf("with a limit of %v: %v", limit, err)
		}
	}
}

func TestLimits_time(t *testing.T) {
	t.Run("header", func(t *testing.T) {
		t.Parallel()
		addr := serveLimited(t, &goserver.Server{ReadHeaderTimeout: short})
		began := time.Now()
		want(t, addr, "GET / HTTP/1.1\r\nHost: a.test\r\n", 408)
		since(t, began, short)
	})
	t.Run("header, dribbled", func(t *testing.T) {
		t.Parallel()
		addr := serveLimited(t, &goserver.Server{ReadHeaderTimeout: short})
		c, br := talk(t, addr)
		began := time.Now()
		go func() {
			for _, b := range []byte(get("A: " + letters(100_000))) {
				if _, err := c.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
		}()
		if res := request(t, io.Discard, br, ""); res.StatusCode != 408 || !res.Close {
			t.Error(res.Status)
		}
		since(t, began, short)
	})
	t.Run("first byte", func(t *testing.T) {
		t.Parallel()
		addr := serveLimited(t, &goserver.Server{ReadHeaderTimeout: short})
		began := time.Now()
		_, br := talk(t, addr)
		gone(t, br)
		since(t, began, short)
	})
	t.Run("idle", func(t *testing.T) {
		t.Parallel()
		addr := serveLimited(t, &goserver.Server{IdleTimeout: short})
		c, br := talk(t, addr)
		request(t, c, br, get())
		began := time.Now()
		gone(t, br) // without a word
		since(t, began, short-10*time.Millisecond)
	})
	t.Run("idle, read timeout instead", func(t *testing.T) {
		t.Parallel()
		addr := serveLimited(t, &goserver.Server{ReadTimeout: short})
		c, br := talk(t, addr)
		request(t, c, br, get())
		gone(t, br)
	})
	t.Run("body idle", func(t *testing.T) {
		t.Parallel()
		errs := make(chan error, 1)
		s := &goserver.Server{BodyIdleTimeout: short, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, err := io.Copy(io.Discard, r.Body)
			errs <- err
		})}
		addr := serveLimited(t, s)
		began := time.Now()
		want(t, addr, ask("POST / HTTP/1.1", "Content-Length: 10")+"abc", 408)
		since(t, began, short)
		var ne net.Error
		if err := receive(t, "body", errs); !errors.As(err, &ne) || !ne.Timeout() || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%v", err)
		}
	})
	t.Run("body with pauses", func(t *testing.T) {
		t.Parallel()
		inTime(t, func(limit time.Duration) error {
			addr := serveLimited(t, &goserver.Server{BodyIdleTimeout: limit, MinBodyRate: -1})
			c, br := talk(t, addr)
			io.WriteString(c, ask("POST / HTTP/1.1", "Content-Length: 8"))
			for range 8 {
				time.Sleep(limit / 3)
				io.WriteString(c, "b")
			}
			res, err := http.ReadResponse(br, nil)
			if err != nil {
				return err
			}
			if got := text(t, res); got != "8 bytes" {
				return fmt.Errorf("%q", got)
			}
			return nil
		})
	})
	t.Run("body rate", func(t *testing.T) {
		t.Parallel()
		addr := serveLimited(t, &goserver.Server{BodyIdleTimeout: short, MinBodyRate: 1 << 20})
		c, br := talk(t, addr)
		io.WriteString(c, ask("POST / HTTP/1.1", "Content-Length: 1000000"))
		began := time.Now()
		go func() {
			for range 1_000_000 {
				if _, err := io.WriteString(c, "b"); err != nil {
					return
				}
				time.Sleep(short / 6)
			}
		}()
		if res := request(t, io.Discard, br, ""); res.StatusCode != 408 || !res.Close {
			t.Error(res.Status)
		}
		since(t, began, short)
	})
	t.Run("whole request", func(t *testing.T) {
		t.Parallel()
		addr := serveLimited(t, &goserver.Server{ReadTimeout: short})
		c, br := talk(t, addr)
		began := time.Now()
		io.WriteString(c, ask("POST / HTTP/1.1", "Content-Length: 1000000"))
		go func() { // never idle for long, and fast enough for the rate
			for range 1000 {
				if _, err := io.WriteString(c, letters(100)); err != nil {
					return
				}
				time.Sleep(short / 10)
			}
		}()
		if res := request(t, io.Discard, br, ""); res.StatusCode != 408 || !res.Close {
			t.Error(res.Status)
		}
		since(t, began, short)
	})
}

func TestLimits_write(t *testing.T) {
	endless := func(errs chan<- error) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			for {
				if _, err := io.WriteString(w, letters(1<<20)); err != nil {
					errs <- err
					return
				}
			}
		}
	}
	for name, s := range map[string]*goserver.Server{
		"write idle":    {WriteIdleTimeout: short},
		"write timeout": {WriteTimeout: short},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			errs := make(chan error, 1)
			s.Handler = endless(errs)
			addr := serveLimited(t, s)
			began := time.Now()
			c, _ := talk(t, addr)
			io.WriteString(c, get())
			if err := receive(t, "failed write", errs); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error(err)
			}
			since(t, began, short)
			poll(t, "end of the connection", func() bool { return s.Stats().Conns == 0 })
			if n := s.Stats().TimedOut; n != 1 {
				t.Errorf("%d connections were counted as timed out", n)
			}
		})
	}
	t.Run("slow reader", func(t *testing.T) {
		t.Parallel()
		inTime(t, func(limit time.Duration) error {
			addr := serveLimited(t, &goserver.Server{WriteIdleTimeout: 2 * limit, Handler: say(letters(12 << 20))})
			c, br := talk(t, addr)
			c.(*net.TCPConn).SetReadBuffer(64 << 10)
			io.WriteString(c, get())
			res, err := http.ReadResponse(br, nil)
			if err != nil {
				return err
			}
			// It takes longer than the limit in all, with bytes taken all along.
			for range 10 {
				time.Sleep(limit / 3)
				if _, err := io.CopyN(io.Discard, res.Body, 1<<20); err != nil {
					return err
				}
			}
			if n, err := io.Copy(io.Discard, res.Body); n != 2<<20 || err != nil {
				return fmt.Errorf("the rest: %d bytes, %w", n, err)
			}
			return nil
		})
	})
}

func TestLimits_count(t *testing.T) {
	t.Run("connections", func(t *testing.T) {
		s := &goserver.Server{MaxConns: 2}
		addr := serveLimited(t, s)
		c1, br1 := talk(t, addr)
		c2, br2 := talk(t, addr)
		request(t, c1, br1, get())
		request(t, c2, br2, get())
		c3, br3 := talk(t, addr)
		io.WriteString(c3, get())
		c3.SetReadDeadline(time.Now().Add(short))
		if _, err := br3.ReadByte(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("third connection: %v", err)
		}
		if n := s.Stats().Conns; n != 2 {
			t.Errorf("%d connections are open", n)
		}
		request(t, c1, br1, get()) // the others go on
		c1.Close()
		c3.SetReadDeadline(time.Now().Add(patience))
		if res := request(t, io.Discard, br3, ""); res.StatusCode != 200 {
			t.Error(res.Status)
		}
	})
	t.Run("requests in flight", func(t *testing.T) {
		running, finish := make(chan struct{}), make(chan struct{})
		s := &goserver.Server{MaxInFlight: 1, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/wait" {
				running <- struct{}{}
				<-finish
			}
		})}
		if err := s.HandleStatic("GET /static", []byte("static"), "text/plain"); err != nil {
			t.Fatal(err)
		}
		addr := serveLimited(t, s)
		busy, busyReader := talk(t, addr)
		io.WriteString(busy, ask("GET /wait HTTP/1.1"))
		receive(t, "request", running)

		c, br := talk(t, addr)
		res := request(t, c, br, get())
		if res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
			t.Errorf("%s, Retry-After %q", res.Status, res.Header.Get("Retry-After"))
		}
		if res := request(t, c, br, ask("GET /static HTTP/1.1")); res.StatusCode != 200 {
			t.Errorf("static route: %s", res.Status)
		}
		close(finish)
		if res := request(t, io.Discard, busyReader, ""); res.StatusCode != 200 {
			t.Error(res.Status)
		}
		poll(t, "the end of the other", func() bool { return s.Stats().InFlight == 0 })
		if res := request(t, c, br, get()); res.StatusCode != 200 {
			t.Errorf("when the other is done: %s", res.Status)
		}
		if n := s.Stats().Shed; n != 1 {
			t.Errorf("%d shed", n)
		}
	})
}

// Expect: a client that was refused is not waited for, though it never sends
// the body; net/http waits for it.
func TestExpect_refused(t *testing.T) {
	addr := serveLimited(t, &goserver.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "no", http.StatusForbidden)
	})})
	want(t, addr, ask("POST / HTTP/1.1", "Content-Length: 10", "Expect: 100-continue"), 403)
}

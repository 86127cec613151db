package goserver_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A pipeListener is a listener in memory, as tests have it: no descriptor, no
// syscall.RawConn, connections that are net.Pipe's.
type pipeListener struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return pipeAddr{} }

func (l *pipeListener) dial() (net.Conn, *bufio.Reader) {
	ours, theirs := net.Pipe()
	l.conns <- theirs
	return ours, bufio.NewReader(ours)
}

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

func TestPipeListener(t *testing.T) {
	eachServer(t, func(t *testing.T, newServer func(fields) subject) {
		ln := newPipeListener()
		ended := make(chan struct{})
		s := newServer(fields{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/hijack":
				conn, rw, err := w.(http.Hijacker).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				l, _ := rw.ReadString('\n')
				io.WriteString(conn, "echo "+l)
				conn.Close()
			case "/wait":
				<-r.Context().Done()
				close(ended)
			default:
				b, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				w.Write(b)
			}
		})})
		served := startOn(t, s, ln)
		c, br := ln.dial()
		for _, n := range []int{1, 3000, 200_000} {
			body := letters(n)
			go io.WriteString(c, post(body))
			if got := text(t, request(t, io.Discard, br, "")); got != body {
				t.Errorf("%d bytes came back of %d", len(got), n)
			}
		}
		go io.WriteString(c, ask("GET /hijack HTTP/1.1")+"line\n")
		if b, _ := io.ReadAll(br); string(b) != "echo line\n" {
			t.Errorf("%q", b)
		}
		c, _ = ln.dial()
		io.WriteString(c, ask("GET /wait HTTP/1.1"))
		c.Close()
		receive(t, "end of the context", ended)
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := receive(t, "end of Serve", served); err != http.ErrServerClosed {
			t.Error(err)
		}
	})
}

// Under testing/synctest the time is fake: timeouts of minutes are exact and
// take no time.
func TestPipeListener_timeouts(t *testing.T) {
	eachServer(t, func(t *testing.T, newServer func(fields) subject) {
		synctest.Test(t, func(t *testing.T) {
			ln := newPipeListener()
			s := newServer(fields{
				Handler:           say("x"),
				ReadHeaderTimeout: 2 * time.Minute,
				IdleTimeout:       10 * time.Minute,
			})
			served := make(chan error, 1)
			go func() { served <- s.Serve(ln) }()

			dial := func() (net.Conn, *bufio.Reader) {
				c, br := ln.dial()
				c.SetDeadline(time.Now().Add(time.Hour)) // or a timeout that is missing would hang the test
				return c, br
			}
			_, br := dial()
			began := time.Now()
			br.ReadByte()
			within(t, "first byte", time.Since(began), 2*time.Minute)

			c, br := dial()
			io.WriteString(c, "GET / HTTP/1.1\r\n")
			began = time.Now()
			io.Copy(io.Discard, br)
			within(t, "head", time.Since(began), 2*time.Minute)

			c, br = dial()
			request(t, c, br, get())
			began = time.Now()
			br.ReadByte()
			within(t, "idle", time.Since(began), 10*time.Minute)

			if err := s.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
			if err := <-served; err != http.ErrServerClosed {
				t.Error(err)
			}
			synctest.Wait()
		})
	})
}

// within checks that a timeout came when it was due, and not a second later.
func within(t *testing.T, what string, took, due time.Duration) {
	t.Helper()
	if took < due || took > due+time.Second {
		t.Errorf("%s: after %v, due after %v", what, took, due)
	}
}

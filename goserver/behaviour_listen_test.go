package goserver_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

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

func TestIPv6(t *testing.T) {
	eachServer(t, func(t *testing.T, newServer func(fields) subject) {
		ln, err := net.Listen("tcp", "[::1]:0")
		if err != nil {
			t.Skip("no IPv6 here")
		}
		s := newServer(fields{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%s %v", r.RemoteAddr, r.Context().Value(http.LocalAddrContextKey))
		})})
		startOn(t, s, ln)
		c, br := talk(t, ln.Addr())
		if got, want := text(t, request(t, c, br, get())), c.LocalAddr().String()+" "+ln.Addr().String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

// When descriptors run out, clients wait; when there are some again, they are
// served.
func TestServe_descriptorsRunOut(t *testing.T) {
	eachServer(t, func(t *testing.T, newServer func(fields) subject) {
		quiet(t) // or others give descriptors back at the wrong moment
		addr, _ := start(t, newServer(fields{Handler: say("x"), ErrorLog: log.New(io.Discard, "", 0)}))
		c, br := talk(t, addr)
		request(t, c, br, get()) // all that the server needs is open now

		var limit syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
		low := limit
		low.Cur = min(limit.Cur, 256)
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
			t.Fatal(err)
		}
		defer syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
		var taken []*os.File
		free := func() {
			for _, f := range taken {
				f.Close()
			}
		}
		defer free()
		for {
			f, err := os.Open(os.DevNull)
			if err != nil {
				break
			}
			taken = append(taken, f)
		}
		if len(taken) == 0 {
			t.Skip("no descriptor was free to begin with")
		}
		taken[0].Close() // for the client's side
		taken = taken[1:]
		waiting, waitingReader := talk(t, addr)
		io.WriteString(waiting, get())
		if got := text(t, request(t, c, br, get())); got != "x" {
			t.Errorf("old connection: %q", got)
		}
		waiting.SetReadDeadline(time.Now().Add(short))
		if _, err := waitingReader.ReadByte(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("without a descriptor: %v", err)
		}
		waiting.SetReadDeadline(time.Now().Add(patience))
		free()
		taken = nil
		if got := text(t, request(t, io.Discard, waitingReader, "")); got != "x" {
			t.Errorf("new connection: %q", got)
		}
	})
}

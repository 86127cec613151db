package goserver_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
)

// othersServed checks that a parked connection and a new one get answers.
func othersServed(t *testing.T, addr net.Addr, parked net.Conn) {
	t.Helper()
	fresh, _ := talk(t, addr)
	for what, c := range map[string]net.Conn{"a parked": parked, "a new": fresh} {
		io.WriteString(c, get())
		c.SetReadDeadline(time.Now().Add(patience))
		if n, err := c.Read(make([]byte, 4096)); n == 0 {
			t.Errorf("%s connection gets no answer: %v", what, err)
		}
	}
}

// A callback that blocks or exits its goroutine when a request is refused stops nobody else.
func TestTurn_logOfRefused(t *testing.T) {
	stop := make(chan bool)
	t.Cleanup(func() { close(stop) })
	for name, do := range map[string]func(){"blocks": func() { <-stop }, "exits": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			logging := make(chan bool, 1)
			s := &goserver.Server{Handler: say("x"), AccessLog: func(r *goserver.Record) {
				if r.Status == 400 {
					logging <- true
					do()
				}
			}}
			addr, _ := start(t, s)
			other, br := talk(t, addr)
			request(t, other, br, get())
			c, br := talk(t, addr)
			request(t, c, br, get())
			poll(t, "both to be parked", func() bool { return s.Stats().Parked == 2 })
			io.WriteString(c, "BAD\r\n\r\n")
			<-logging
			othersServed(t, addr, other)
		})
	}
}

// A page that its client does not read stops nobody else.
func TestTurn_fullWindow(t *testing.T) {
	s := &goserver.Server{Handler: say("x")}
	if err := s.HandleStatic("GET /big", bytes.Repeat([]byte("x"), 64<<20), "text/plain"); err != nil {
		t.Fatal(err)
	}
	addr, _ := start(t, s)
	other, br := talk(t, addr)
	request(t, other, br, get())
	c, br := talk(t, addr)
	request(t, c, br, get())
	poll(t, "both to be parked", func() bool { return s.Stats().Parked == 2 })
	io.WriteString(c, ask("GET /big HTTP/1.1"))
	poll(t, "the write to begin", func() bool { return s.Stats().Parked == 1 })
	othersServed(t, addr, other)
}

// A callback that ends its goroutine while a connection is accepted ends Serve, as in net/http.
func TestTurn_connContextEnds(t *testing.T) {
	for name, do := range map[string]func(){"exits": runtime.Goexit, "panics": func() { panic("x") }} {
		t.Run(name, func(t *testing.T) {
			eachServer(t, func(t *testing.T, newServer func(fields) subject) {
				s := newServer(fields{Handler: say("x"),
					ConnContext: func(ctx context.Context, _ net.Conn) context.Context { do(); return ctx }})
				ln, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				served := make(chan bool)
				go func() {
					defer close(served)
					defer func() { recover() }()
					s.Serve(ln)
				}()
				c, err := net.Dial("tcp", ln.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				select {
				case <-served:
				case <-time.After(patience):
					t.Error("Serve goes on")
				}
				s.Close()
			})
		})
	}
}

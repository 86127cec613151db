package goserver_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/hyperion-server/hyperion/goserver"
)

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

// A connection that never sent anything does not hold up Shutdown for long.
func TestShutdown_newConnection(t *testing.T) {
	s := &goserver.Server{Handler: say("x")}
	addr, _ := start(t, s)
	_, br := talk(t, addr)
	poll(t, "accepted connection", func() bool { return s.Stats().Conns == 1 })
	down := make(chan error, 1)
	go func() { down <- s.Shutdown(context.Background()) }()
	gone(t, br)
	if err := receive(t, "end of Shutdown", down); err != nil {
		t.Error(err)
	}
}

// Clients that are busy while the server stops get an answer to every request:
// each connection ends with a response that says so. On a busy machine one may stand still for as long as
// an idle connection does, and be closed as such: what is wrong with the server goes wrong each time.
func TestShutdown_underLoad(t *testing.T) {
	var err error
	for range 10 {
		if err = shutdownUnderLoad(t); err == nil {
			return
		}
	}
	t.Error(err)
}

func shutdownUnderLoad(t *testing.T) (err error) {
	s := &goserver.Server{Handler: say("x")}
	addr, _ := start(t, s)
	busy := make(chan struct{}, 8)
	ended := make(chan error, 8)
	for range cap(ended) {
		c, br := talk(t, addr)
		go func() {
			for n := 0; ; n++ {
				io.WriteString(c, get())
				res, err := http.ReadResponse(br, nil)
				if err != nil {
					ended <- fmt.Errorf("request %d: %w", n, err)
					return
				}
				io.Copy(io.Discard, res.Body)
				if res.Close {
					ended <- nil
					return
				}
				if n == 100 {
					busy <- struct{}{}
				}
			}
		}()
	}
	for range cap(busy) {
		receive(t, "busy client", busy)
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	for range cap(ended) {
		err = errors.Join(err, receive(t, "end of a client", ended))
	}
	return err
}

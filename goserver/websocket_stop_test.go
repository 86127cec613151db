package goserver_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/wsframe"
)

// A crossing is a server with WebSockets of both styles over every transport.
type crossing struct {
	srv     *goserver.Server
	sockets int
	lone    []*socketClient // over HTTP/1.1 and TLS
	streams []*socketStream
	conns   []*socketConn
	gate    chan struct{} // OnClose waits for it
	told    atomic.Int64  // calls of OnClose
	done    atomic.Int64  // of them, those that have returned
	closed  sync.Map      // of *goserver.WebSocket: the error that OnClose got
}

// openCrossing opens two sockets of each kind.
func openCrossing(t *testing.T) *crossing {
	t.Helper()
	x := &crossing{gate: make(chan struct{})}
	onClose := func(s *goserver.WebSocket, err error) {
		x.told.Add(1)
		if _, twice := x.closed.Swap(s, err); twice {
			t.Error("OnClose was called twice")
		}
		<-x.gate
		x.done.Add(1)
	}
	callback := &goserver.WebSocketOptions{OnMessage: echoMessage, OnClose: onClose, CloseTimeout: time.Hour}
	program := &goserver.WebSocketOptions{OnClose: onClose, CloseTimeout: time.Hour}
	mux := http.NewServeMux()
	mux.HandleFunc("/callback", func(w http.ResponseWriter, r *http.Request) { goserver.Upgrade(w, r, callback) })
	mux.HandleFunc("/program", func(w http.ResponseWriter, r *http.Request) {
		if s, err := goserver.Upgrade(w, r, program); err == nil {
			echoMessages(s)
		}
	})
	cert, _ := certificate(t)
	x.srv = &goserver.Server{Handler: mux, WebSockets: true, WebSocketSpread: -1, TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}}}
	plain, _ := start(t, x.srv)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	served := make(chan error, 1)
	go func() { served <- x.srv.ServeTLS(l, "", "") }()
	t.Cleanup(func() {
		x.srv.Close()
		<-served
	})
	secure := l.Addr()
	for _, path := range []string{"/callback", "/program"} {
		for range 2 {
			x.lone = append(x.lone, dialSocket(t, "ws://"+plain.String()+path), dialSocket(t, "wss://"+secure.String()+path))
		}
		for _, tc := range []struct {
			addr   net.Addr
			secure bool
		}{{plain, false}, {secure, true}} {
			c := dialSockets(t, tc.addr, tc.secure, 65535)
			x.conns = append(x.conns, c)
			for range 2 {
				st := c.open(path)
				if st.status != "200" {
					t.Fatalf("answered with %q, %v", st.status, st.err)
				}
				x.streams = append(x.streams, st)
			}
		}
	}
	x.sockets = len(x.lone) + len(x.streams)
	for _, c := range x.lone {
		c.echo(wsframe.Text, []byte("hello"))
	}
	for _, st := range x.streams {
		must(t, st.message(wsframe.Text, []byte("hello")))
		if _, p, err := st.frame(); string(p) != "hello" || err != nil {
			t.Fatalf("echo: %q, %v", p, err)
		}
	}
	if n := x.srv.OpenWebSockets(); n != x.sockets {
		t.Fatalf("%d WebSockets are open, want %d", n, x.sockets)
	}
	return x
}

// ended checks what OnClose was told of all sockets.
func (x *crossing) ended(t *testing.T, good func(err error) bool) {
	t.Helper()
	n := 0
	x.closed.Range(func(_, v any) bool {
		n++
		if err, _ := v.(error); !good(err) {
			t.Errorf("OnClose got %v", err)
		}
		return true
	})
	if told := x.told.Load(); n != x.sockets || told != int64(x.sockets) {
		t.Errorf("OnClose was called %d times for %d of %d sockets", told, n, x.sockets)
	}
}

// Shutdown says 1001 to all sockets, whatever they run over, and returns behind the last callback.
func TestWebSocket_shutdownAll(t *testing.T) {
	x := openCrossing(t)
	down := make(chan error, 1)
	go func() { down <- x.srv.Shutdown(context.Background()) }()
	for _, c := range x.lone {
		c.expectClose(1001)
		must(t, c.close(1001))
	}
	for _, st := range x.streams {
		st.expectClose(t, 1001)
		must(t, st.sayClose(1001))
		must(t, st.end())
	}
	for _, c := range x.conns {
		c.wait(func() bool { return c.goaways > 0 })
		c.conn.Close()
	}
	poll(t, "the callbacks", func() bool { return x.told.Load() == int64(x.sockets) })
	poll(t, "the end of all connections", func() bool { return x.srv.Stats().Conns == 0 })
	if n := x.srv.OpenWebSockets(); n != x.sockets { // which is what Shutdown waits for
		t.Errorf("%d WebSockets are open while %d callbacks run", n, x.sockets)
	}
	select {
	case err := <-down:
		t.Fatalf("Shutdown returned %v before the callbacks", err)
	default:
	}
	close(x.gate)
	if err := receive(t, "end of Shutdown", down); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if n := x.done.Load(); n != int64(x.sockets) {
		t.Errorf("Shutdown returned behind %d of %d callbacks", n, x.sockets)
	}
	x.ended(t, func(err error) bool {
		var closed *goserver.CloseError
		return errors.As(err, &closed) && closed.Code == 1001 && !closed.Remote
	})
}

// Close cuts all sockets off; each callback is called once nevertheless.
func TestWebSocket_closeAll(t *testing.T) {
	x := openCrossing(t)
	close(x.gate)
	must(t, x.srv.Close())
	for _, c := range x.lone {
		if h, _, err := c.frame(nil); err == nil && h.Opcode != wsframe.Close {
			t.Errorf("got %v, want the end", h.Opcode)
		}
	}
	for _, st := range x.streams {
		if h, _, err := st.frame(); err == nil && h.Opcode != wsframe.Close {
			t.Errorf("got %v, want the end", h.Opcode)
		}
	}
	poll(t, "the callbacks", func() bool { return x.done.Load() == int64(x.sockets) })
	poll(t, "the end of all", func() bool { return x.srv.OpenWebSockets() == 0 && x.srv.Stats().Conns == 0 })
	x.ended(t, func(err error) bool { return err != nil })
}

// Sockets that WebSocketSpread has not come to are of use still, and cut off when time is up.
func TestWebSocket_spread(t *testing.T) {
	eachSocketStyle(t, 0, func(t *testing.T, o *goserver.WebSocketOptions, f func(*goserver.WebSocket)) {
		url, srv := socketServerOf(t, o, f)
		srv.WebSocketSpread = 1 << 62 // a hundred years: nobody's turn comes
		var all []*socketClient
		for range 10 {
			all = append(all, dialSocket(t, url))
		}
		poll(t, "the beginning of all", func() bool { return srv.OpenWebSockets() == len(all) })
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		down := make(chan error, 1)
		go func() { down <- srv.Shutdown(ctx) }()
		poll(t, "the end of the listener", func() bool {
			c, err := net.Dial("tcp", all[0].conn.RemoteAddr().String())
			if err == nil {
				c.Close()
			}
			return err != nil
		})
		for range 20 {
			for _, c := range all {
				c.echo(wsframe.Text, []byte("still here"))
			}
		}
		cancel()
		if err := receive(t, "end of Shutdown", down); err != context.Canceled {
			t.Errorf("Shutdown: %v", err)
		}
		for _, c := range all {
			if h, _, err := c.frame(nil); err == nil {
				t.Errorf("got %v, want the end", h.Opcode)
			}
		}
		poll(t, "the end of all", func() bool { return srv.OpenWebSockets() == 0 })
	})
}

// Shutdown may be called again while another one waits, and afterwards. Each waits for all sockets; the first whose time
// is up cuts off those left.
func TestWebSocket_shutdownAgain(t *testing.T) {
	x := openCrossing(t)
	close(x.gate)
	const calls = 3
	var downs [calls]chan error
	hurry, cancel := context.WithCancel(context.Background())
	for i := range downs {
		ctx := context.Background()
		if i == 1 {
			ctx = hurry
		}
		downs[i] = make(chan error, 1)
		go func() { downs[i] <- x.srv.Shutdown(ctx) }()
	}
	for _, c := range x.lone {
		c.expectClose(1001)
	}
	for _, st := range x.streams {
		st.expectClose(t, 1001)
	}
	must(t, x.lone[0].close(1001)) // the others do not answer
	poll(t, "the end of one", func() bool { return x.srv.OpenWebSockets() == x.sockets-1 })
	for i, down := range downs {
		if len(down) > 0 {
			t.Errorf("call %d has returned %v", i, <-down)
		}
	}
	cancel()
	if err := receive(t, "end of the call in a hurry", downs[1]); err != context.Canceled {
		t.Errorf("Shutdown in a hurry: %v", err)
	}
	for _, c := range x.lone[1:] {
		if h, _, err := c.frame(nil); err == nil {
			t.Errorf("got %v, want the end", h.Opcode)
		}
	}
	for _, c := range x.conns {
		c.wait(func() bool { return c.goaways > 0 })
		c.conn.Close()
	}
	for _, i := range []int{0, 2} {
		if err := receive(t, "end of the others", downs[i]); err != nil {
			t.Errorf("Shutdown %d: %v", i, err)
		}
	}
	if err := x.srv.Shutdown(context.Background()); err != nil {
		t.Errorf("Shutdown once more: %v", err)
	}
	x.ended(t, func(err error) bool { return err != nil })
}

// A Shutdown whose time is up while OnClose runs says so, though no connection is left: it has not waited for all.
func TestWebSocket_shutdownCallback(t *testing.T) {
	gate, told := make(chan struct{}), make(chan struct{})
	o := &goserver.WebSocketOptions{OnMessage: echoMessage, OnClose: func(*goserver.WebSocket, error) {
		close(told)
		<-gate
	}}
	srv := &goserver.Server{WebSocketSpread: -1, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { goserver.Upgrade(w, r, o) })}
	addr, served := start(t, srv)
	c := dialSocket(t, "ws://"+addr.String()+"/")
	c.echo(wsframe.Text, []byte("hello"))
	down := make(chan error, 1)
	go func() { down <- srv.Shutdown(context.Background()) }()
	c.expectClose(1001)
	must(t, c.close(1001))
	receive(t, "OnClose", told)
	receive(t, "end of Serve", served)
	poll(t, "the end of the connection", func() bool { return srv.Stats().Conns == 0 })
	hurry, cancel := context.WithCancel(context.Background())
	cancel()
	if err := srv.Shutdown(hurry); err != context.Canceled {
		t.Errorf("Shutdown: %v", err)
	}
	close(gate)
	must(t, receive(t, "end of Shutdown", down))
	if n := srv.OpenWebSockets(); n != 0 {
		t.Errorf("%d WebSockets are open", n)
	}
}

// A WebSocket that a handler opens while Shutdown waits for that is closed at once, and waited for with its OnClose.
func TestWebSocket_shutdownLate(t *testing.T) {
	asked, goOn, gate, told := make(chan struct{}), make(chan struct{}), make(chan struct{}), make(chan struct{})
	o := &goserver.WebSocketOptions{OnMessage: echoMessage, OnClose: func(*goserver.WebSocket, error) {
		close(told)
		<-gate
	}}
	srv := &goserver.Server{WebSocketSpread: -1, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(asked)
		<-goOn
		goserver.Upgrade(w, r, o)
	})}
	addr, _ := start(t, srv)
	opened := make(chan *socketClient)
	go func() { opened <- dialSocket(t, "ws://"+addr.String()+"/") }()
	receive(t, "request", asked)
	down := make(chan error, 1)
	go func() { down <- srv.Shutdown(context.Background()) }()
	poll(t, "the end of the listener", func() bool {
		c, err := net.Dial("tcp", addr.String())
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	close(goOn)
	c := receive(t, "WebSocket", opened)
	c.expectClose(1001)
	must(t, c.close(1001))
	receive(t, "OnClose", told)
	poll(t, "the end of the connection", func() bool { return srv.Stats().Conns == 0 })
	if n := srv.OpenWebSockets(); n != 1 {
		t.Errorf("%d WebSockets are open while OnClose runs", n)
	}
	close(gate)
	must(t, receive(t, "end of Shutdown", down))
}

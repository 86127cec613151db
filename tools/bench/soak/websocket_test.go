package main

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/hyperion-server/hyperion/goserver"
)

// actOn does what a client does with a connection to a server whose WebSockets have o.
func actOn(t *testing.T, o *goserver.WebSocketOptions, act func(*net.TCPConn) error) error {
	s := &goserver.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { goserver.Upgrade(w, r, o) })}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	defer s.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return act(c.(*net.TCPConn))
}

type onMessage = func(*goserver.WebSocket, goserver.MessageType, []byte)

// What a server does wrong is found, and what it does right is not taken for wrong.
func TestSocket(t *testing.T) {
	back := func(s *goserver.WebSocket, t goserver.MessageType, p []byte) { s.Write(t, p) }
	behead := func(s *goserver.WebSocket, t goserver.MessageType, p []byte) { s.Write(t, p[1:]) }
	echo := func(s *socket) error { return errors.Join(s.echo([]byte("hello")), s.close()) }
	refuse := func(s *socket) error { return errors.Join(send(s.conn, "\x82\x05hello"), s.closed(1002)) }
	var waiting [][]byte
	reverse := func(s *goserver.WebSocket, t goserver.MessageType, p []byte) {
		if waiting = append(waiting, slices.Clone(p)); len(waiting) == 3 {
			s.Write(t, waiting[1])
			s.Write(t, waiting[0])
		}
	}
	for _, c := range []struct {
		name   string
		path   string
		answer onMessage
		act    func(*socket) error
		want   error
	}{
		{"echo", plainRoute, back, echo, nil},
		{"compressed", deflateRoute, back, func(s *socket) error { return s.echo(make([]byte, 1000)) }, nil},
		{"another content", plainRoute, func(s *goserver.WebSocket, t goserver.MessageType, p []byte) { s.Write(t, []byte("hallo")) }, echo, errWrong},
		{"another length", plainRoute, behead, echo, errWrong},
		{"closed", plainRoute, func(s *goserver.WebSocket, _ goserver.MessageType, _ []byte) { s.Close(1000, "") }, echo, errWrong},
		{"refused", plainRoute, back, refuse, nil},
		{"another code", plainRoute, back, func(s *socket) error { return errors.Join(send(s.conn, "\x82\x05hello"), s.closed(1009)) }, errWrong},
		{"published", topicRoute, back, (*socket).publish, nil},
		{"published in part", topicRoute, behead, (*socket).publish, errWrong},
		{"another order", topicRoute, reverse, (*socket).publish, errWrong},
	} {
		err := actOn(t, &goserver.WebSocketOptions{OnMessage: c.answer}, way{}.overSocket(c.path, c.act))
		if !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// A server that does not compress as it is asked to, or does not upgrade, is found at once.
func TestSocket_handshake(t *testing.T) {
	err := actOn(t, &goserver.WebSocketOptions{Compression: goserver.CompressionOff}, way{}.overSocket(deflateRoute, vanish))
	if !errors.Is(err, errWrong) {
		t.Errorf("not compressed: %v, want %v", err, errWrong)
	}
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := openSocket(way{}, c.(*net.TCPConn), plainRoute); !errors.Is(err, errWrong) {
		t.Errorf("not found: %v, want %v", err, errWrong)
	}
}

func TestHabitsWebSocket_herds(t *testing.T) {
	n := 0
	for _, h := range habitsWebSocket(way{}, new(atomic.Int64)) {
		n += h.herd
	}
	if n != 5000 {
		t.Errorf("%d WebSockets are open at all times, want 5000", n)
	}
}

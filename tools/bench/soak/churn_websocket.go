package main

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hyperion-server/hyperion/wsframe"
)

// Routes of tools/bench/server. All but the topic send back what comes; briefRoute soon gives up who is silent.
const (
	plainRoute    = "/ws"
	deflateRoute  = "/ws-deflate"
	blockingRoute = "/ws-blocking"
	topicRoute    = "/ws-topic"
	briefRoute    = "/ws-brief"
)

// habitsWebSocket are those of clients of WebSockets, 5 000 of which are open at all times, over TLS a fifth of that.
// talked counts the messages that have come back, or have been heard, as they must.
func habitsWebSocket(w way, talked *atomic.Int64) []habit {
	overSocket := w.overSocket
	talk := func(path string, end func(*socket) error) func(*net.TCPConn) error {
		return overSocket(path, func(s *socket) error { return s.talk(talked, end) })
	}
	all := append([]habit{
		{name: "talk, close", herd: 1784, act: talk(plainRoute, (*socket).close)},
		{name: "talk, vanish", herd: 1000, act: talk(plainRoute, vanish)},
		{name: "talk, reset in a message", reset: true, herd: 1000, act: talk(plainRoute, (*socket).breakOff)},
		{name: "talk compressed, close", herd: 500, act: talk(deflateRoute, (*socket).close)},
		{name: "talk to a goroutine, vanish", herd: 500, act: talk(blockingRoute, vanish)},
		{name: "listen to a topic, vanish", herd: 200, act: overSocket(topicRoute, func(s *socket) error { return s.listen(talked) })},
	}, w.misbehaviour()...)
	if w.tls != nil {
		for i := range all {
			all[i].herd = (all[i].herd + 4) / 5
		}
	}
	if w.http2 {
		return append(all, misbehaviourHTTP2...)
	}
	return append(all, w.misbehaviourHTTP1()...)
}

// misbehaviourHTTP1 is about the opening handshake of HTTP/1.1.
func (w way) misbehaviourHTTP1() []habit {
	return []habit{
		{name: "half a handshake", act: func(c *net.TCPConn) error {
			conn, err := w.over(c)
			if err != nil {
				return err
			}
			return send(conn, opening(plainRoute))
		}},
		{name: "another version", act: func(c *net.TCPConn) error {
			conn, err := w.over(c)
			if err != nil {
				return err
			}
			return refused(conn, strings.Replace(opening(plainRoute)+"\r\n", "Version: 13", "Version: 12", 1), http.StatusUpgradeRequired)
		}},
	}
}

// misbehaviour is what the server has to bear, and the publishers of the topic.
func (w way) misbehaviour() []habit {
	overSocket := w.overSocket
	return []habit{
		{name: "opened, reset", reset: true, act: overSocket(plainRoute, vanish)},
		{name: "half a frame", act: overSocket(plainRoute, (*socket).breakOff)},
		{name: "half a compressed frame, reset", reset: true, act: overSocket(deflateRoute, (*socket).breakOff)},
		{name: "messages with the handshake", act: func(c *net.TCPConn) error {
			s, err := newSocket(w, c, plainRoute)
			if err != nil {
				return err
			}
			one, two := words(), words()
			s.say(one)
			s.say(two)
			return errors.Join(s.flush(), s.opened(), s.expect(one), s.expect(two), s.close())
		}},
		{name: "unmasked", act: overSocket(plainRoute, func(s *socket) error {
			return errors.Join(send(s.conn, "\x82\x05hello"), s.closed(wsframe.CloseProtocolError))
		})},
		{name: "not UTF-8", act: overSocket(plainRoute, func(s *socket) error {
			s.frame(wsframe.Header{Opcode: wsframe.Text, Fin: true}, []byte("\xc0\xaf"))
			return errors.Join(s.flush(), s.closed(wsframe.CloseInvalidPayload))
		})},
		{name: "too long", act: overSocket(plainRoute, func(s *socket) error {
			s.out = wsframe.Header{Opcode: wsframe.Binary, Fin: true, Masked: true, Length: 2 << 20}.Append(s.out)
			return errors.Join(s.flush(), s.closed(wsframe.CloseMessageTooBig))
		})},
		{name: "too long when inflated", act: overSocket(deflateRoute, func(s *socket) error {
			s.frame(wsframe.Header{Opcode: wsframe.Binary, Fin: true, RSV1: true}, bomb())
			return errors.Join(s.flush(), s.closed(wsframe.CloseMessageTooBig))
		})},
		{name: "pings, unread", act: overSocket(plainRoute, func(s *socket) error {
			for range 5000 {
				s.frame(wsframe.Header{Opcode: wsframe.Ping, Fin: true}, make([]byte, wsframe.MaxControl))
			}
			return s.pour(s.out)
		})},
		{name: "messages, unread", herd: 8, act: overSocket(plainRoute, func(s *socket) error { return s.pour(much()) })},
		{name: "read slowly", herd: 8, act: overSocket(plainRoute, (*socket).readSlowly)},
		{name: "silent", act: func(c *net.TCPConn) error {
			s, err := newSocket(w, c, briefRoute)
			if err != nil {
				return err
			}
			p := words()
			s.say(p)
			return errors.Join(s.flush(), s.opened(), s.expect(p), s.closed(wsframe.CloseGoingAway))
		}},
		{name: "publish, end without leaving", act: overSocket(topicRoute, (*socket).publish)},
		{name: "join a topic, unread, reset", reset: true, act: overSocket(topicRoute, func(*socket) error {
			time.Sleep(time.Second)
			return nil
		})},
	}
}

func (w way) overSocket(path string, act func(*socket) error) func(*net.TCPConn) error {
	return func(c *net.TCPConn) error {
		s, err := openSocket(w, c, path)
		if err != nil {
			return err
		}
		return act(s)
	}
}

// refused sends a request that must be answered with the status.
func refused(c net.Conn, request string, status int) error {
	if err := send(c, request); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err == nil && resp.StatusCode != status {
		err = fmt.Errorf("%w: %s, want %d", errWrong, resp.Status, status)
	}
	return err
}

// bomb is 2 MiB, compressed.
var bomb = sync.OnceValue(func() []byte {
	p, _ := wsframe.NewCompressor(alone.Client).Append(nil, make([]byte, 2<<20))
	return p
})

func vanish(*socket) error { return nil }

// breakOff sends a fragment, and the beginning of the next one.
func (s *socket) breakOff() error {
	p, compressed := s.compress(text()[:5000])
	half := len(p) / 2
	s.frame(wsframe.Header{Opcode: wsframe.Binary, RSV1: compressed}, p[:half])
	s.frame(wsframe.Header{Opcode: wsframe.Continuation, Fin: true}, p[half:])
	s.out = s.out[:len(s.out)-half/2]
	return s.flush()
}

// pour sends p for a second, and reads nothing.
func (s *socket) pour(p []byte) error {
	end := time.Now().Add(time.Second)
	s.tcp.SetReadBuffer(4 << 10)
	s.conn.SetWriteDeadline(end)
	_, err := s.conn.Write(p)
	time.Sleep(time.Until(end))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil // the server has stopped reading
	}
	return err
}

// stay is how long a client talks or listens.
func stay() time.Duration { return 4*time.Second + rand.N(8*time.Second) }

// talk sends messages and reads them for a while, about one a second.
func (s *socket) talk(talked *atomic.Int64, end func(*socket) error) error {
	for until := time.Now().Add(stay()); time.Now().Before(until); time.Sleep(500*time.Millisecond + rand.N(time.Second)) {
		if err := s.echo(words()); err != nil {
			return err
		}
		talked.Add(1)
	}
	return end(s)
}

// much is messages of 64 KiB, more than a connection and the server's queue have room for, so that the
// server has to wait until they are read.
var much = sync.OnceValue(func() []byte {
	var s socket
	for range muchMessages {
		s.say(text()[:64<<10])
	}
	return s.out
})

const muchMessages = 64

// readSlowly sends much, and reads it with pauses.
func (s *socket) readSlowly() error {
	s.tcp.SetReadBuffer(32 << 10)
	sent := make(chan error, 1)
	go func() {
		_, err := s.conn.Write(much())
		sent <- err
	}()
	for range muchMessages {
		time.Sleep(10 * time.Millisecond)
		if err := s.expect(text()[:64<<10]); err != nil {
			return err
		}
	}
	return errors.Join(<-sent, s.close())
}

// published is what is said to the topic: a number, and the same again.
func published(n uint32) []byte { return fmt.Appendf(nil, "%d %d", n, n) }

// hear reads what somebody has published.
func (s *socket) hear() (n uint32, err error) {
	p, err := s.message()
	if err != nil {
		return 0, err
	}
	fmt.Sscan(string(p), &n)
	if string(p) != string(published(n)) {
		return 0, fmt.Errorf("%w: %q in the topic", errWrong, p)
	}
	return n, nil
}

// publish publishes three messages, which come to itself, too, in their order.
func (s *socket) publish() error {
	n := rand.Uint32N(1 << 31)
	for i := range uint32(3) {
		s.say(published(n + i))
	}
	if err := s.flush(); err != nil {
		return err
	}
	for i := uint32(0); i < 3; {
		got, err := s.hear()
		if err != nil {
			return err
		}
		switch got - n {
		case i:
			i++
		case 0, 1, 2:
			return fmt.Errorf("%w: message %d before message %d", errWrong, got-n, i)
		}
	}
	return nil
}

// listen hears what others publish, for a while.
func (s *socket) listen(talked *atomic.Int64) error {
	s.conn.SetReadDeadline(time.Now().Add(stay()))
	for {
		_, err := s.hear()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return err
		}
		talked.Add(1)
	}
}

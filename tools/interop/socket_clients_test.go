package interop

import (
	"crypto/tls"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/wsframe"
)

// A socketClient is a WebSocket of a library in Go. One goroutine reads, one does the rest.
type socketClient interface {
	Write(op wsframe.Opcode, p string) error
	WriteParts(op wsframe.Opcode, parts []string) error // one message, in several frames
	Read() (wsframe.Opcode, string, error)              // a closedError at the end
	Ping(payload string)                                // the socketDial's pong is called after it
	Close(code int, reason string) error                // begins the closing handshake; Read hears the answer
	Subprotocol() string
	Extensions() string // as the server answered
}

// A socketDial says how to open a WebSocket.
type socketDial struct {
	url         string
	tls         *tls.Config
	deflate     bool
	subprotocol []string
	pong        func()
}

// socketClients are the libraries, by name.
var socketClients = map[string]func(*testing.T, socketDial) (socketClient, error){
	"gorilla": dialGorilla, "coder": dialCoder, "gobwas": dialGobwas, "gws": dialGws,
}

type socketMessage struct {
	op   wsframe.Opcode
	text string
	err  error
}

// A speaker is a client whose messages are read beside the test.
type speaker struct {
	socketClient
	t     *testing.T
	came  chan socketMessage
	pongs chan struct{}
}

func speak(t *testing.T, where socketSite, path string, deflate bool, dial func(*testing.T, socketDial) (socketClient, error)) *speaker {
	t.Helper()
	pongs := make(chan struct{}, 1)
	c, err := dial(t, socketDial{where.socketURL(path), &tls.Config{RootCAs: where.roots()}, deflate, sockets, func() { pongs <- struct{}{} }})
	if err != nil {
		t.Fatal(err)
	}
	s := &speaker{c, t, make(chan socketMessage, 1), pongs}
	go func() {
		defer close(s.came)
		for {
			op, text, err := c.Read()
			s.came <- socketMessage{op, text, err}
			if err != nil {
				return
			}
		}
	}()
	return s
}

// next waits for a message, or the end.
func (s *speaker) next() socketMessage {
	s.t.Helper()
	select {
	case m := <-s.came:
		return m
	case <-time.After(time.Minute):
		s.t.Fatal("nothing came")
		panic("unreachable")
	}
}

// wantEcho waits for what was sent, unless that failed.
func (s *speaker) wantEcho(sent error, op wsframe.Opcode, text string) {
	s.t.Helper()
	if sent != nil {
		s.t.Fatal(sent)
	}
	if m := s.next(); m.err != nil || m.op != op || m.text != text {
		s.t.Fatalf("%v of %d bytes came back as %v of %d, %v", op, len(text), m.op, len(m.text), m.err)
	}
}

// wantClosed waits for the end.
func (s *speaker) wantClosed(code int, reason string) {
	s.t.Helper()
	m := s.next()
	var got closedError
	if !errors.As(m.err, &got) || got.code != code || got.reason != reason {
		s.t.Errorf("ended with %v %q, want %d %s", m.err, m.text, code, reason)
	}
}

func TestSocketClients(t *testing.T) {
	for name, dial := range socketClients {
		t.Run(name, func(t *testing.T) {
			eachSocket(t, func(t *testing.T, where socketSite) {
				for _, path := range socketPaths {
					t.Run(path[1:], func(t *testing.T) { talk(t, where, path, false, dial) })
					t.Run(path[1:]+" deflate", func(t *testing.T) { talk(t, where, path, true, dial) })
				}
			})
		})
	}
}

// talk does with a library what WebSockets can do.
func talk(t *testing.T, where socketSite, path string, deflate bool, dial func(*testing.T, socketDial) (socketClient, error)) {
	s := speak(t, where, path, deflate, dial)
	if got := s.Subprotocol(); got != subprotocol {
		t.Errorf("subprotocol %q, want %q", got, subprotocol)
	}
	want := deflate && path != "/plain"
	if got := s.Extensions(); strings.Contains(got, wsframe.Extension) != want {
		t.Errorf("extensions %q, compression is %v", got, want)
	}
	for _, n := range socketSizes {
		s.wantEcho(s.Write(wsframe.Text, socketText(n)), wsframe.Text, socketText(n))
		s.wantEcho(s.Write(wsframe.Binary, noise(n)), wsframe.Binary, noise(n))
	}
	long := socketText(7 * 50_000)
	var parts []string
	for i := range 7 {
		parts = append(parts, long[i*50_000:(i+1)*50_000])
	}
	s.wantEcho(s.WriteParts(wsframe.Text, parts), wsframe.Text, long)

	s.Ping("client")
	select {
	case <-s.pongs:
	case <-time.After(time.Minute):
		t.Fatal("no pong")
	}
	s.wantEcho(s.Write(wsframe.Text, "ping"), wsframe.Text, "ponged")

	if err := s.Close(clientCode, clientReason); err != nil {
		t.Error(err)
	}
	s.wantClosed(clientCode, "") // the server echoes the code
	where.wantEnd(t, clientCode, clientReason, true)

	s = speak(t, where, path, deflate, dial)
	if err := s.Write(wsframe.Text, "close"); err != nil {
		t.Error(err)
	}
	s.wantClosed(serverCode, serverReason)
	where.wantEnd(t, serverCode, serverReason, false)
}

package goserver_test

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/wsframe"
)

// An endPeer is a client as far as it takes to end a WebSocket.
type endPeer struct {
	send   func(op wsframe.Opcode, p []byte) error
	hangUp func() // ends its side, without Close
	reset  func()
}

// endPeers open a WebSocket over every transport.
var endPeers = map[string]func(t *testing.T, o *goserver.WebSocketOptions, f func(*goserver.WebSocket)) endPeer{
	"HTTP/1.1": func(t *testing.T, o *goserver.WebSocketOptions, f func(*goserver.WebSocket)) endPeer {
		c := dialSocket(t, socketServer(t, o, f))
		return endPeer{c.send, func() { c.conn.(*net.TCPConn).CloseWrite() }, func() { reset(c.conn); c.conn.Close() }}
	},
	"HTTP/2": func(t *testing.T, o *goserver.WebSocketOptions, f func(*goserver.WebSocket)) endPeer {
		_, addr := tunnelServer(t, false, o, f)
		return endTunnel(dialSockets(t, addr, false, 65535).open("/ws"))
	},
	"HTTP/2 and TLS": func(t *testing.T, o *goserver.WebSocketOptions, f func(*goserver.WebSocket)) endPeer {
		_, addr := tunnelServer(t, true, o, f)
		return endTunnel(dialSockets(t, addr, true, 65535).open("/ws"))
	},
}

func endTunnel(st *socketStream) endPeer {
	locked := func(f func() error) func() {
		return func() {
			st.c.mu.Lock()
			defer st.c.mu.Unlock()
			f()
		}
	}
	return endPeer{st.message,
		locked(func() error { return st.c.out.WriteData(st.id, true, nil) }),
		locked(func() error { return st.c.out.WriteRSTStream(st.id, http2.ErrCodeCancel) })}
}

// However a WebSocket ends, OnClose, Err and what fails afterwards say who ended it, and why.
func TestWebSocket_whoEnded(t *testing.T) {
	say := func(op wsframe.Opcode, payload string) func(*goserver.WebSocket, endPeer) {
		return func(_ *goserver.WebSocket, p endPeer) { p.send(op, []byte(payload)) }
	}
	closed := func(code wsframe.CloseCode, reason string, remote bool) func(error) bool {
		return func(err error) bool {
			var e *goserver.CloseError
			return errors.As(err, &e) && *e == goserver.CloseError{Code: code, Reason: reason, Remote: remote}
		}
	}
	is := func(want error) func(error) bool { return func(err error) bool { return errors.Is(err, want) } }
	for _, tc := range []struct {
		name string
		end  func(s *goserver.WebSocket, p endPeer)
		good func(err error) bool
	}{
		{"the peer closes", say(wsframe.Close, "\x0f\xa0why"), closed(4000, "why", true)},
		{"the peer closes without a code", say(wsframe.Close, ""), closed(1005, "", true)},
		{"the peer breaks a rule", say(3, ""), closed(1002, wsframe.ErrOpcode.Reason(), false)},
		{"the peer sends too much", say(wsframe.Binary, string(make([]byte, 2000))), closed(1009, wsframe.ErrMessageTooBig.Reason(), false)},
		{"the peer hangs up", func(_ *goserver.WebSocket, p endPeer) { p.hangUp() }, is(io.ErrUnexpectedEOF)},
		{"the peer resets", func(_ *goserver.WebSocket, p endPeer) { p.reset() },
			func(err error) bool { return err != nil && !is(goserver.ErrWebSocketAborted)(err) }},
		{"the peer is silent", func(*goserver.WebSocket, endPeer) {}, closed(1001, "idle timeout", false)},
		{"the peer takes nothing", func(s *goserver.WebSocket, _ endPeer) {
			for s.Write(goserver.BinaryMessage, make([]byte, 64<<10)) == nil {
			}
		}, is(os.ErrDeadlineExceeded)},
		{"the program closes", func(s *goserver.WebSocket, p endPeer) {
			s.Close(4001, "own")
			p.send(wsframe.Close, binary.BigEndian.AppendUint16(nil, 4001))
		}, closed(4001, "own", false)},
		{"the program closes, the peer does not", func(s *goserver.WebSocket, _ endPeer) { s.Close(4001, "own") }, closed(4001, "own", false)},
		{"the program aborts", func(s *goserver.WebSocket, _ endPeer) { s.Abort() }, is(goserver.ErrWebSocketAborted)},
		{"a callback panics", say(wsframe.Text, "panic"), closed(1011, "", false)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for name, dial := range endPeers {
				t.Run(name, func(t *testing.T) {
					ended := make(chan error, 1)
					opened := make(chan *goserver.WebSocket, 1)
					o := &goserver.WebSocketOptions{
						MaxMessageBytes: 1000, WriteTimeout: 300 * time.Millisecond, CloseTimeout: 300 * time.Millisecond,
						OnMessage: func(*goserver.WebSocket, goserver.MessageType, []byte) { panic(http.ErrAbortHandler) },
						OnClose:   func(_ *goserver.WebSocket, err error) { ended <- err },
					}
					if tc.name == "the peer is silent" {
						o.IdleTimeout = 300 * time.Millisecond
					}
					p := dial(t, o, func(s *goserver.WebSocket) { opened <- s })
					s := receive(t, "WebSocket", opened)
					if err := s.Err(); err != nil {
						t.Errorf("Err of an open one is %v", err)
					}
					tc.end(s, p)
					err := receive(t, "OnClose", ended)
					if !tc.good(err) {
						t.Errorf("OnClose got %v (%T)", err, err)
					}
					if again := s.Err(); again != err {
						t.Errorf("Err is %v", again)
					}
					if again := s.WriteText("more"); again != err {
						t.Errorf("WriteText failed with %v", again)
					}
					if w, again := s.NextWriter(goserver.TextMessage); w != nil || again != err {
						t.Errorf("NextWriter failed with %v", again)
					}
					if again := s.Ping(nil); again != err {
						t.Errorf("Ping failed with %v", again)
					}
				})
			}
		})
	}
}

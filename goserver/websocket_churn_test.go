package goserver_test

import (
	"bufio"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/wsframe"
)

// churnSockets is the server of TestWebSocket_churn: it echoes in both styles, but writes without end to
// who says "write".
func churnSockets(t *testing.T) (*goserver.Server, net.Addr) {
	t.Helper()
	random := make([]byte, 64<<10) // is not compressed
	rand.NewChaCha8([32]byte{}).Read(random)
	large := goserver.NewPreparedMessage(goserver.BinaryMessage, random)
	answer := func(s *goserver.WebSocket, typ goserver.MessageType, p []byte) {
		if string(p) != "write" {
			s.Write(typ, p)
			return
		}
		for s.WritePrepared(large) == nil {
		}
	}
	mux := http.NewServeMux()
	callback := &goserver.WebSocketOptions{OnMessage: answer, Compression: goserver.CompressionTakeover}
	mux.HandleFunc("/callback", func(w http.ResponseWriter, r *http.Request) { goserver.Upgrade(w, r, callback) })
	program := &goserver.WebSocketOptions{Compression: goserver.CompressionTakeover}
	mux.HandleFunc("/program", func(w http.ResponseWriter, r *http.Request) {
		s, err := goserver.Upgrade(w, r, program)
		if err != nil {
			return
		}
		for {
			typ, p, err := s.Next()
			if err != nil {
				return
			}
			answer(s, typ, p)
		}
	})
	srv := &goserver.Server{Handler: mux}
	addr, _ := start(t, srv)
	return srv, addr
}

// However clients come and go, nothing of theirs stays.
func TestWebSocket_churn(t *testing.T) {
	quiet(t)
	before := runtime.NumGoroutine()
	srv, addr := churnSockets(t)
	host := addr.String()
	empty := func() bool { return srv.Stats().Conns == 0 && srv.OpenWebSockets() == 0 }
	open := func(conn net.Conn, path string) *socketClient {
		conn.SetDeadline(time.Now().Add(patience))
		c := &socketClient{t: t, conn: conn, in: bufio.NewReaderSize(conn, 4096)}
		io.WriteString(conn, opening(host, path, "Sec-WebSocket-Extensions: permessage-deflate"))
		resp, err := http.ReadResponse(c.in, nil)
		if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
			t.Errorf("the handshake got %v, %v", resp, err)
		}
		return c
	}
	habits := []struct {
		name string
		act  func(conn *net.TCPConn, path string)
	}{
		{"close", func(conn *net.TCPConn, path string) {
			c := open(conn, path)
			c.send(wsframe.Text, []byte("hello"))
			c.close(1000)
			if _, p, err := c.message(nil); string(p) != "hello" || err != nil {
				t.Errorf("echo: %q, %v", p, err)
			}
			if h, _, err := c.frame(nil); h.Opcode != wsframe.Close || err != nil {
				t.Errorf("%v instead of Close, %v", h.Opcode, err)
			}
			if _, err := c.in.ReadByte(); err != io.EOF {
				t.Errorf("behind Close: %v", err)
			}
		}},
		{"reset", func(conn *net.TCPConn, path string) {
			open(conn, path).send(wsframe.Text, []byte("hello"))
			conn.SetLinger(0)
		}},
		{"half a frame", func(conn *net.TCPConn, path string) {
			open(conn, path)
			conn.Write([]byte("\x81\xfe\x10\x00\x00\x00\x00\x00half"))
		}},
		{"half a handshake", func(conn *net.TCPConn, path string) {
			text := opening(host, path)
			io.WriteString(conn, text[:len(text)/2])
		}},
		{"gone while the server writes", func(conn *net.TCPConn, path string) {
			c := open(conn, path)
			c.send(wsframe.Text, []byte("write"))
			io.CopyN(io.Discard, c.in, 100_000)
		}},
	}
	churn := func(each int) {
		for _, path := range []string{"/callback", "/program"} {
			for _, habit := range habits {
				crowd(t, addr, each, func(_ *testing.T, conn *net.TCPConn) { habit.act(conn, path) })
				poll(t, "the end of all: "+habit.name, empty)
			}
		}
	}
	churn(10)
	base := measure(t)
	churn(200)
	var now usage
	poll(t, "the descriptors and the memory of before", func() bool {
		now = measure(t)
		now.goroutines = 0 // those of the pool stay for a while
		return now.within(base)
	})
	for _, st := range srv.WebSocketStats() {
		var ended int64
		for _, n := range st.Closed {
			ended += n
		}
		const sockets = 4 * 210 // half a handshake is none
		if st.Open != 0 || st.Opened != sockets || ended != sockets || st.Closed[1000] != 210 || st.Closed[1006] != 3*210 {
			t.Errorf("%+v", st)
		}
	}
	srv.Close()
	poll(t, "the goroutines of before", func() bool { return runtime.NumGoroutine() <= before })
}

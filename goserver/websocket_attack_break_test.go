package goserver_test

import (
	"bytes"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/wsframe"
)

// attackFrames are frames of each kind, with what has to be before them.
var attackFrames = []struct {
	name          string
	before, frame []byte
}{
	{"text", nil, clientFrame(wsframe.Header{Opcode: wsframe.Text, Fin: true}, []byte("some text"))},
	{"binary of a 16-bit length", nil, clientFrame(wsframe.Header{Opcode: wsframe.Binary, Fin: true}, make([]byte, 300))},
	{"binary of a 64-bit length", nil, clientFrame(wsframe.Header{Opcode: wsframe.Binary, Fin: true}, make([]byte, 70_000))},
	{"first fragment", nil, clientFrame(wsframe.Header{Opcode: wsframe.Text}, []byte("some text"))},
	{"continuation", clientFrame(wsframe.Header{Opcode: wsframe.Text}, []byte("some ")), clientFrame(wsframe.Header{Opcode: wsframe.Continuation, Fin: true}, []byte("text"))},
	{"ping", nil, clientFrame(wsframe.Header{Opcode: wsframe.Ping, Fin: true}, make([]byte, 125))},
	{"ping in a message", clientFrame(wsframe.Header{Opcode: wsframe.Text}, []byte("some ")), clientFrame(wsframe.Header{Opcode: wsframe.Ping, Fin: true}, make([]byte, 125))},
	{"pong", nil, clientFrame(wsframe.Header{Opcode: wsframe.Pong, Fin: true}, make([]byte, 125))},
	{"close", nil, clientFrame(wsframe.Header{Opcode: wsframe.Close, Fin: true}, []byte("\x03\xe8bye"))},
	{"compressed", nil, clientFrame(wsframe.Header{Opcode: wsframe.Text, Fin: true, RSV1: true}, []byte("\xf2\x48\xcd\xc9\xc9\x07\x00"))},
}

// Who is gone in the middle of a frame, of whatever kind and wherever in it, has the socket end with 1006, once, and
// nothing stays.
func TestWebSocketAttack_resets(t *testing.T) {
	eachAttack(t, nil, func(t *testing.T, a *attacked) {
		a.dial(true).conn.Close()
		empty := func() bool { return a.srv.Stats().Conns == 0 && a.srv.OpenWebSockets() == 0 }
		poll(t, "the end of the first", empty)
		before := measure(t)
		sockets := int64(1)
		for _, kind := range attackFrames {
			for _, at := range []int{1, 3, 5, len(kind.frame) / 2, len(kind.frame) - 1} {
				c := a.dial(true)
				_, err := c.conn.Write(append(bytes.Clone(kind.before), kind.frame[:at]...))
				must(t, err)
				if st, ok := c.conn.(tunnelConn); ok && at%2 == 0 { // without the connection
					st.st.end1()
				} else {
					cut(c.conn)
				}
				c.conn.Close()
				sockets++
			}
		}
		poll(t, "the end of all", empty)
		if st := a.srv.WebSocketStats()[0]; st.Open != 0 || st.Opened != sockets || st.Closed[1006] != sockets {
			t.Errorf("%d sockets: %+v", sockets, st)
		}
		poll(t, "the descriptors and the memory of before", func() bool {
			now := measure(t)
			now.goroutines = 0
			return now.within(before)
		})
	})
}

// end1 ends the stream, and does not wait.
func (st *socketStream) end1() {
	st.c.mu.Lock()
	defer st.c.mu.Unlock()
	st.c.out.WriteData(st.id, true, nil)
}

// Frames that come byte by byte are frames.
func TestWebSocketAttack_slow(t *testing.T) {
	eachAttack(t, nil, func(t *testing.T, a *attacked) {
		c := a.dial(true)
		dribble := func(b []byte) {
			for i := range b {
				if _, err := c.conn.Write(b[i : i+1]); err != nil {
					t.Errorf("byte %d: %v", i, err)
					return
				}
			}
		}
		var sending sync.WaitGroup
		sending.Go(func() {
			var last []byte
			for _, kind := range attackFrames {
				switch {
				case kind.name == "first fragment", kind.name == "ping in a message", len(kind.frame) > 1000:
				case kind.name == "close":
					last = kind.frame
				default:
					dribble(append(bytes.Clone(kind.before), kind.frame...))
				}
			}
			dribble(last)
		})
		defer sending.Wait()
		for _, want := range []struct {
			op   wsframe.Opcode
			size int
		}{{wsframe.Text, 9}, {wsframe.Binary, 300}, {wsframe.Text, 9}, {wsframe.Pong, 125}, {wsframe.Text, 5}} {
			h, p, err := c.frame(nil)
			if h.RSV1 {
				p, err = wsframe.NewDecompressor(wsframe.Window{}).Append(nil, p)
			}
			if err != nil || h.Opcode != want.op || len(p) != want.size {
				t.Fatalf("got %v of %d bytes, %v; want %v of %d", h.Opcode, len(p), err, want.op, want.size)
			}
		}
		c.end(1000)
	})
}

// Who has begun a long frame makes the server hold what the bounds say, whatever length it declares.
func TestWebSocketAttack_lengths(t *testing.T) {
	declare := func(op wsframe.Opcode, length uint64, rsv1 bool) []byte {
		return wsframe.Header{Opcode: op, Fin: true, RSV1: rsv1, Masked: true, Length: length}.Append(nil)
	}
	const peers = 16
	eachAttack(t, nil, func(t *testing.T, a *attacked) {
		t.Run("begun", func(t *testing.T) {
			b := *a
			b.t = t
			b.suffer(attack{peers: peers, held: 160 << 10, act: func(c *socketClient) {
				c.conn.Write(append(declare(wsframe.Binary, goserver.DefaultMaxMessageBytes, false), 0))
				c.send(wsframe.Ping, nil) // is payload
			}})
		})
		for _, tc := range []struct {
			name  string
			frame []byte
			code  wsframe.CloseCode
		}{
			{"1 more than may be", declare(wsframe.Binary, goserver.DefaultMaxMessageBytes+1, false), 1009},
			{"2^32", declare(wsframe.Text, 1<<32, false), 1009},
			{"2^63-1", declare(wsframe.Text, 1<<63-1, false), 1009},
			{"2^63", declare(wsframe.Text, 1<<63, false), 1002},
			{"2^64-1", declare(wsframe.Text, 1<<64-1, false), 1002},
			{"8 times and 1, compressed", declare(wsframe.Text, 8*goserver.DefaultMaxMessageBytes+1, true), 1009},
			{"ping of 126", declare(wsframe.Ping, 126, false), 1002},
			{"unmasked", wsframe.Header{Opcode: wsframe.Text, Fin: true, Length: 5}.Append(nil), 1002},
			{"a second handshake", []byte(opening("a", "/ws")), 1002},
		} {
			t.Run(tc.name, func(t *testing.T) {
				c := a.dial(true)
				c.t = t
				_, err := c.conn.Write(tc.frame)
				must(t, err)
				if n := c.end(tc.code); n != 0 {
					t.Errorf("%d frames before Close", n)
				}
				c.conn.Close()
			})
		}
		poll(t, "the end of all", func() bool { return a.srv.Stats().Conns == 0 && a.srv.OpenWebSockets() == 0 })
	})
}

// Who goes on after his WebSocket has failed is cut off.
func TestWebSocketAttack_goesOn(t *testing.T) {
	var all sync.WaitGroup
	for _, way := range attackWays {
		for _, path := range way.paths {
			a := &attacked{t: t, way: way, path: path}
			a.serve(nil)
			all.Go(func() {
				c := a.dial(false)
				junk := bytes.Repeat([]byte("junk"), 4<<10)
				var err error
				for err == nil {
					_, err = c.conn.Write(junk)
				}
				if e, ok := err.(interface{ Timeout() bool }); ok && e.Timeout() {
					t.Errorf("%s%s: the server reads on: %v", way.name, path, err)
				}
				c.conn.Close()
				poll(t, "the end", func() bool { return a.srv.Stats().Conns == 0 && a.srv.OpenWebSockets() == 0 })
				if st := a.srv.WebSocketStats()[0]; st.Closed[1002] != 1 {
					t.Errorf("%s%s: %+v", way.name, path, st)
				}
			})
		}
	}
	all.Wait()
}

// A message that ends with the peer's side of the connection is none, for those too who read it as it comes.
func TestWebSocketAttack_torn(t *testing.T) {
	for _, tc := range []struct {
		name string
		sent []byte
	}{
		{"in a frame", clientFrame(wsframe.Header{Opcode: wsframe.Text, Fin: true}, []byte("some text"))[:12]},
		{"between fragments", clientFrame(wsframe.Header{Opcode: wsframe.Text}, []byte("some "))},
		{"in a header", append(clientFrame(wsframe.Header{Opcode: wsframe.Text}, []byte("some ")), 0x80)},
		{"between compressed fragments", clientFrame(wsframe.Header{Opcode: wsframe.Text, RSV1: true}, []byte("\xf2\x48\xcd\xc9\xc9\x07\x00"))},
	} {
		t.Run(tc.name, func(t *testing.T) {
			eachAttack(t, nil, func(t *testing.T, a *attacked) {
				c := a.dial(true)
				_, err := c.conn.Write(tc.sent)
				must(t, err)
				switch conn := c.conn.(type) {
				case tunnelConn:
					conn.st.end1()
				case interface{ CloseWrite() error }:
					must(t, conn.CloseWrite())
				}
				if h, p, err := c.frame(nil); err != io.EOF {
					t.Errorf("got %v %q, %v", h.Opcode, p, err)
				}
				c.conn.Close()
				poll(t, "the end", func() bool { return a.srv.OpenWebSockets() == 0 })
				if st := a.srv.WebSocketStats()[0]; st.MessagesIn != 0 || st.Closed[1006] != 1 {
					t.Errorf("%+v", st)
				}
			})
		})
	}
}

// Who does not say goodbye, in whatever state, is given up, and takes nothing with him.
func TestWebSocketAttack_silence(t *testing.T) {
	set := func(o *goserver.WebSocketOptions) {
		o.IdleTimeout, o.PingInterval, o.CloseTimeout = 300*time.Millisecond, 100*time.Millisecond, 100*time.Millisecond
	}
	eachAttack(t, set, func(t *testing.T, a *attacked) {
		for _, kind := range attackFrames {
			if kind.name == "close" {
				continue
			}
			c := a.dial(true)
			c.conn.Write(append(bytes.Clone(kind.before), kind.frame[:len(kind.frame)-1]...))
			defer c.conn.Close()
			go io.Copy(io.Discard, c.in)
		}
		poll(t, "the end of all", func() bool { return a.srv.OpenWebSockets() == 0 })
		if st := a.srv.WebSocketStats()[0]; st.Closed[1001] != int64(len(attackFrames)-1) {
			t.Errorf("%+v", st)
		}
	})
}

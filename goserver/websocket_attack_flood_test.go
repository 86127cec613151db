package goserver_test

import (
	"bytes"
	"testing"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/wsframe"
)

// pour sends b so often that n bytes have gone.
func (c *socketClient) pour(b []byte, n int) {
	for ; n > 0; n -= len(b) {
		if _, err := c.conn.Write(b); err != nil {
			c.t.Errorf("the server does not read on: %v", err)
			return
		}
	}
}

// Frames that floods are made of, many in one write.
var (
	pings      = bytes.Repeat(clientFrame(wsframe.Header{Opcode: wsframe.Ping, Fin: true}, bytes.Repeat([]byte("ping!"), 25)), 128)
	pongs      = bytes.Repeat(clientFrame(wsframe.Header{Opcode: wsframe.Pong, Fin: true}, nil), 1024)
	emptyParts = bytes.Repeat(clientFrame(wsframe.Header{Opcode: wsframe.Continuation}, nil), 1024)
	firstPart  = clientFrame(wsframe.Header{Opcode: wsframe.Binary}, nil)
	lastPart   = clientFrame(wsframe.Header{Opcode: wsframe.Continuation, Fin: true}, []byte("end"))
)

// Who floods makes the server hold no more than its bounds say, and is heard afterwards as before.
func TestWebSocketAttack_floods(t *testing.T) {
	const peers, queue = 8, 16 << 10
	flood := 256 << 10
	if raceEnabled {
		flood = 64 << 10
	}
	eachAttack(t, func(o *goserver.WebSocketOptions) { o.QueueBytes = queue }, func(t *testing.T, a *attacked) {
		said := func(want string) func(*socketClient) {
			return func(c *socketClient) {
				if _, p, err := c.message(nil); string(p) != want || err != nil {
					t.Errorf("%q, %v", p, err)
				}
				c.close(4000)
				if n := c.end(4000); n > 0 {
					t.Errorf("%d frames more", n)
				}
			}
		}
		for _, k := range []struct {
			name string
			attack
		}{
			{"pings, pongs unread", attack{
				held: 4*queue + 4*tunnelWindow,
				act:  func(c *socketClient) { c.pour(pings, flood) },
				finish: func(c *socketClient) {
					c.close(4000)
					if n := c.end(4000); n == 0 || n > flood/len(pings)*128+128 {
						t.Errorf("%d pongs", n)
					}
				},
			}},
			{"pongs", attack{
				held:   16 << 10,
				act:    func(c *socketClient) { c.pour(pongs, flood); c.send(wsframe.Text, []byte("hello")) },
				finish: said("hello"),
			}},
			{"empty fragments", attack{ // as many as may be
				held: 64 << 10,
				act: func(c *socketClient) {
					c.pour(firstPart, len(firstPart))
					c.pour(emptyParts, len(emptyParts))
					c.pour(lastPart, len(lastPart))
				},
				finish: said("end"),
			}},
			{"empty fragments of a message that never ends", attack{
				held: 64 << 10,
				act: func(c *socketClient) {
					c.pour(firstPart, len(firstPart))
					c.pour(emptyParts, 2*len(emptyParts))
				},
				finish: func(c *socketClient) {
					c.close(wsframe.ClosePolicyViolation)
					if n := c.end(wsframe.ClosePolicyViolation); n > 0 {
						t.Errorf("%d frames", n)
					}
				},
			}},
			{"empty compressed fragments", attack{
				offer: true,
				held:  64 << 10,
				act: func(c *socketClient) {
					c.pour(clientFrame(wsframe.Header{Opcode: wsframe.Binary, RSV1: true}, nil), 1)
					c.pour(emptyParts, len(emptyParts))
					c.pour(clientFrame(wsframe.Header{Opcode: wsframe.Continuation, Fin: true}, []byte("\xf2\x48\xcd\xc9\xc9\x07\x00")), 1)
				},
				finish: said("Hello"),
			}},
		} {
			t.Run(k.name, func(t *testing.T) {
				a := *a
				a.t, k.peers = t, peers
				a.suffer(k.attack)
			})
		}
	})
}

// Each ping is answered for who reads, in order and with its payload, and by nothing else.
func TestWebSocketAttack_pingsRead(t *testing.T) {
	const n = 20_000
	eachAttack(t, nil, func(t *testing.T, a *attacked) {
		c := a.dial(false)
		go func() {
			for i := range n {
				c.send(wsframe.Ping, []byte{byte(i >> 16), byte(i >> 8), byte(i)})
			}
			c.close(1000)
		}()
		for i := range n {
			h, p, err := c.frame(nil)
			if err != nil || h.Opcode != wsframe.Pong || !bytes.Equal(p, []byte{byte(i >> 16), byte(i >> 8), byte(i)}) {
				t.Fatalf("pong %d is %v %x, %v", i, h.Opcode, p, err)
			}
		}
		c.end(1000)
	})
}

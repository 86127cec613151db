package goserver_test

import (
	"bytes"
	"cmp"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/wsframe"
)

// deflate compresses a message by itself.
func deflate(p []byte) []byte {
	z, ok := wsframe.NewCompressor(wsframe.Window{}).Append(nil, p)
	if !ok {
		panic("is not compressed")
	}
	return z
}

// An emptyBlock of DEFLATE says nothing (RFC 1951 §3.2.4).
const emptyBlock = "\x00\x00\x00\xff\xff"

// atRatio returns at least from zeros, compressed with empty blocks ahead, so that they are ratio times as long as that;
// and one more zero, in as many bytes.
func atRatio(t *testing.T, from, ratio int) (size int, exactly, above []byte) {
	for n := from/ratio + 1; n < 2*from/ratio; n++ {
		z := deflate(make([]byte, n*ratio))
		more := deflate(make([]byte, n*ratio+1))
		if blocks := (n - len(z)) / len(emptyBlock); len(more) == len(z) && len(z)+blocks*len(emptyBlock) == n {
			ahead := bytes.Repeat([]byte(emptyBlock), blocks)
			return n * ratio, append(bytes.Clone(ahead), z...), append(ahead, more...)
		}
	}
	t.Fatal("there is no such message")
	return 0, nil, nil
}

// split makes a compressed message of p, in frames of n bytes with a ping before each.
func split(p []byte, n int) (frames []byte) {
	h := wsframe.Header{Opcode: wsframe.Binary, RSV1: true}
	for ; len(p) > n; p = p[n:] {
		frames = append(frames, clientFrame(wsframe.Header{Opcode: wsframe.Ping, Fin: true}, nil)...)
		frames = append(frames, clientFrame(h, p[:n])...)
		h = wsframe.Header{Opcode: wsframe.Continuation}
	}
	h.Fin = true
	return append(frames, clientFrame(h, p)...)
}

// Bombs take no more memory than a message may have, however they are made, and say 1009 or, where they are no
// DEFLATE, 1007. What is within the limits is a message.
func TestWebSocketAttack_bombs(t *testing.T) {
	const limit = goserver.DefaultMaxMessageBytes
	whole := func(p []byte) []byte {
		return clientFrame(wsframe.Header{Opcode: wsframe.Binary, Fin: true, RSV1: true}, p)
	}
	bomb := deflate(make([]byte, 64<<20))
	size, exactly, above := atRatio(t, limit, goserver.DefaultMaxRatio)
	noise := make([]byte, 30<<10)
	rand.NewChaCha8([32]byte{8}).Read(noise)
	context := wsframe.NewCompressor(wsframe.Window{})
	over := func(p []byte) []byte {
		if z, ok := context.Append(nil, p); ok {
			return whole(z)
		}
		return clientFrame(wsframe.Header{Opcode: wsframe.Binary, Fin: true}, p)
	}
	repeated := over(noise)
	for range 20 {
		repeated = append(repeated, over(make([]byte, 16<<10))...)
	}
	last := append(bytes.Clone(repeated), over(make([]byte, limit+1))...)
	blocks := bytes.Repeat([]byte(emptyBlock), limit/len(emptyBlock))
	for _, tc := range []struct {
		name   string
		frames []byte
		echoes []int // sizes of the messages that come back
		code   wsframe.CloseCode
		max    int // MaxMessageBytes, if not the default
	}{
		{"in one frame", whole(bomb), nil, 1009, 0},
		{"in fragments, with pings between", split(bomb, 100), nil, 1009, 0},
		{"ratio at the limit", whole(exactly), []int{size}, 1000, 2 * limit},
		{"ratio above the limit", whole(above), nil, 1009, 2 * limit},
		{"ratio above the limit, in fragments", split(above, 10), nil, 1009, 2 * limit},
		{"any ratio up to the size", whole(deflate(make([]byte, limit))), []int{limit}, 1000, 0},
		{"any ratio, in fragments", split(deflate(make([]byte, limit)), 10), []int{limit}, 1000, 0},
		{"empty blocks", whole(blocks[:len(blocks)-4]), []int{0}, 1000, 0},
		{"empty blocks and a bomb", whole(append(blocks, deflate(make([]byte, limit+1))...)), nil, 1009, 0},
		{"empty blocks, more than may come", whole(bytes.Repeat(blocks, 9)), nil, 1009, 0},
		{"final blocks", whole(bytes.Repeat([]byte("\x01\x00\x00\xff\xff"), 100)), nil, 1007, 0},
		{"over the context, short ones", repeated, append([]int{len(noise)}, repeat(16<<10, 20)...), 1000, 0},
		{"over the context, short ones and a bomb", last, append([]int{len(noise)}, repeat(16<<10, 20)...), 1009, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			limit := cmp.Or(tc.max, limit)
			eachAttack(t, func(o *goserver.WebSocketOptions) {
				o.Compression, o.MaxMessageBytes = goserver.CompressionTakeover, tc.max
			}, func(t *testing.T, a *attacked) {
				c := a.dial(true)
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				go func() { // the server need not read it all
					c.conn.Write(tc.frames)
					if tc.code == 1000 {
						c.close(1000)
					}
				}()
				var came int64
				for _, want := range tc.echoes {
					p, err := c.takenOver()
					if err != nil || len(p) != want {
						t.Fatalf("%d bytes, %v; want %d", len(p), err, want)
					}
					came += int64(want)
				}
				c.expectClose(tc.code)
				runtime.ReadMemStats(&after)
				if n, most := after.TotalAlloc-before.TotalAlloc, uint64(16*limit+4*len(tc.frames)); n > most && !raceEnabled { // or pools lose what they get
					t.Errorf("%d bytes were allocated, want at most %d", n, most)
				}
				st := a.srv.WebSocketStats()[0]
				if st.BytesIn != came && a.path != "/streamed" {
					t.Errorf("%d bytes have come to the program, want %d", st.BytesIn, came)
				}
				if st.BytesIn > came+int64(limit) {
					t.Errorf("%d bytes were inflated, want at most %d", st.BytesIn, came+int64(limit))
				}
			})
		})
	}
}

func repeat(v, n int) (all []int) {
	for range n {
		all = append(all, v)
	}
	return all
}

// takenOver reads a message that may be compressed, over the context.
func (c *socketClient) takenOver() ([]byte, error) {
	if c.z == nil {
		c.z = wsframe.NewDecompressor(wsframe.Window{})
	}
	for {
		h, p, err := c.frame(nil)
		switch {
		case err != nil:
			return nil, err
		case h.Opcode.Control() && h.Opcode != wsframe.Close:
		case h.RSV1:
			return c.z.Append(nil, p)
		default:
			return p, nil
		}
	}
}

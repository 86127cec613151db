package ws

import (
	"cmp"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/hyperion-server/hyperion/wsframe"
)

// What is compressed to do harm is refused, and takes little memory until then.
func TestBombs(t *testing.T) {
	zeros, _ := wsframe.NewCompressor(wsframe.Window{}).Append(nil, make([]byte, 64<<20))
	few, _ := wsframe.NewCompressor(wsframe.Window{}).Append(nil, make([]byte, 60<<10))
	many, _ := wsframe.NewCompressor(wsframe.Window{}).Append(nil, make([]byte, 2<<20))
	for _, tc := range []struct {
		name   string
		window wsframe.Window
		h      wsframe.Header
		p      []byte
		script string
		max    int // of a message; 0: 64 KiB
	}{
		{"size", wsframe.Window{}, wsframe.Header{Opcode: wsframe.Binary, RSV1: true}, zeros, fails("", 1009, "message too big"), 0},
		{"ratio of what is short", wsframe.Window{}, wsframe.Header{Opcode: wsframe.Binary, RSV1: true}, few, "= BINARY 61440 bytes\n > CLOSE 1000\n < CLOSE 1000\n < END\n = ENDED there 1000", 0},
		{"ratio of what is long", wsframe.Window{}, wsframe.Header{Opcode: wsframe.Binary, RSV1: true}, many, fails("", 1009, "compressed bomb"), 4 << 20},
		{"bad end", wsframe.Window{}, wsframe.Header{Opcode: wsframe.Text, RSV1: true}, []byte{0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0xff, 0xff, 0xff}, fails("", 1007, "inflate error"), 0},
		{"reference to what never was", wsframe.Window{}, wsframe.Header{Opcode: wsframe.Text, RSV1: true}, []byte{0xf2, 0x00, 0x11, 0x00, 0x00}, fails("", 1007, "inflate error"), 0},
		{"no bytes", wsframe.Window{}, wsframe.Header{Opcode: wsframe.Text, RSV1: true}, nil, "= TEXT\n > CLOSE 1000\n < CLOSE 1000\n < END\n = ENDED there 1000", 0},
		{"window of 9 bits", wsframe.Window{MaxBits: 9}, wsframe.Header{Opcode: wsframe.Text, RSV1: true}, []byte{0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00}, "= TEXT Hello\n > CLOSE 1000\n < CLOSE 1000\n < END\n = ENDED there 1000", 0},
		{"compressed ping", wsframe.Window{}, wsframe.Header{Opcode: wsframe.Ping, RSV1: true}, nil, fails("", 1002, "compressed control frame"), 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			eachStyle(t, func(t *testing.T, s style) {
				bubble(t, func(b *bench) {
					cfg := testConfig()
					cfg.MaxMessage = cmp.Or(tc.max, 64<<10)
					p := b.connect(s, cfg, Agreement{Deflate: &wsframe.Deflate{Client: tc.window}}, nil)
					tc.h.Fin, tc.h.Masked, tc.h.Key = true, true, testKey
					f := build(tc.h, tc.p, 0, 0)
					synctest.Wait()
					var before, after runtime.MemStats
					runtime.ReadMemStats(&before)
					p.w.give(f)
					synctest.Wait()
					runtime.ReadMemStats(&after)
					if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
						t.Errorf("%d bytes were allocated", n)
					}
					if len(f) > 8*cfg.MaxMessage {
						t.Fatal(fmt.Sprint("the bomb is too big itself: ", len(f)))
					}
					p.talk(tc.script)
					p.silent()
				})
			})
		})
	}
}

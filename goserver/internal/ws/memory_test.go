package ws

import (
	"testing"
	"testing/synctest"

	"github.com/hyperion-server/hyperion/wsframe"
)

// A message takes memory as it comes, whatever its header promises.
func TestMemory_ofAMessage(t *testing.T) {
	eachStyle(t, func(t *testing.T, s style) {
		bubble(t, func(b *bench) {
			cfg := testConfig()
			cfg.MaxMessage = 16 << 20
			p := b.connect(s, cfg, Agreement{}, nil)
			whole := build(wsframe.Header{Opcode: wsframe.Binary, Fin: true, Masked: true, Key: testKey}, make([]byte, 8<<20), 0, 0)
			header := len(whole) - 8<<20
			came := 0
			for _, tc := range []struct{ came, most int }{
				{1, 64 << 10}, {60 << 10, 64 << 10}, {65 << 10, 128 << 10}, {129 << 10, 256 << 10}, {257 << 10, 1 << 20},
				{1<<20 + 1<<13, 2 << 20}, {2<<20 + 1<<13, 4 << 20},
			} {
				p.w.give(whole[came : header+tc.came])
				came = header + tc.came
				synctest.Wait()
				if n := cap(*p.conn.msg); n > tc.most {
					t.Errorf("%d bytes for %d, want at most %d", n, tc.came, tc.most)
				}
			}
		})
	})
}

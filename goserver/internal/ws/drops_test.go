package ws

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/hyperion-server/hyperion/wsframe"
)

// What is left in the queue is what is left of a list from which the oldest messages were dropped; pings
// between them stay.
func TestDrops_model(t *testing.T) {
	bubble(t, func(b *bench) {
		for seed := range 50 {
			rng := rand.New(rand.NewPCG(uint64(seed), 7))
			p := b.slow(DropOldest)
			type entry struct {
				line string
				size int
				ping bool
			}
			var want []entry
			p.conn.Write(wsframe.Text, []byte("leaving"))
			size, pings := 2+len("leaving"), 0
			for i := range 300 {
				text := fmt.Sprintf("%0*d", 3+rng.IntN(60)*rng.IntN(2), i)
				if pings < 60 && rng.IntN(4) == 0 {
					p.conn.Ping([]byte(text))
					want = append(want, entry{"PING | " + text, 2 + len(text), true})
					size += 2 + len(text)
					pings++
					continue
				}
				e := entry{"TEXT | " + text, 2 + len(text), false}
				fixed := size
				for _, w := range want {
					if !w.ping {
						fixed -= w.size
					}
				}
				if err := p.conn.Write(wsframe.Text, []byte(text)); fixed+len(text) > 1000 {
					if err != ErrDropped {
						t.Fatalf("no room without what may be dropped, and %v", err)
					}
					continue
				}
				for size+len(text) > 1000 {
					i := slices.IndexFunc(want, func(w entry) bool { return !w.ping })
					size -= want[i].size
					want = slices.Delete(want, i, i+1)
				}
				want = append(want, e)
				size += e.size
				if n, _ := p.conn.held1(); n != size {
					t.Fatalf("%d bytes are queued, want %d", n, size)
				}
				p.conn.mu.Lock()
				if n := len(*p.conn.queue); n > 2*size {
					t.Fatalf("%d bytes of memory for %d", n, size)
				}
				p.conn.mu.Unlock()
			}
			p.w.accept(-1)
			p.expect("TEXT | leaving")
			for _, w := range want {
				p.expect(w.line)
			}
			p.silent()
			p.conn.Abort()
		}
	})
}

// A message to a peer that takes nothing costs the same however many wait for it.
func BenchmarkDrops(b *testing.B) {
	for _, size := range []int{16 << 10, 256 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			c := new(Conn)
			c.cfg, c.route, c.drops = &Config{QueueBytes: size, Full: DropOldest}, new(RouteStats), new(drops)
			c.writing = true // and never ends
			m := []byte("hi")
			for range size / 2 {
				c.Write(wsframe.Text, m)
			}
			for b.Loop() {
				c.Write(wsframe.Text, m)
			}
		})
	}
}

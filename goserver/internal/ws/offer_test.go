package ws

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/hyperion-server/hyperion/wsframe"
)

// What a held message counts for is not less than the memory that it takes: what it is made of, with
// the sizes in which memory is given out, and its place in a list that doubles.
func TestHeld_weight(t *testing.T) {
	const frameSlack, place = 32, 2 * 8
	if n := reflect.TypeFor[wsframe.PreparedMessage]().Size() + frameSlack + place; n > heldMore {
		t.Errorf("a held message takes %d bytes beside its frame, and counts for %d", n, heldMore)
	}
}

// What is held is dropped, the oldest first and behind what is queued, where that makes room, and not otherwise.
func TestHeld_dropOldest(t *testing.T) {
	bubble(t, func(b *bench) {
		p := b.slow(DropOldest)
		p.conn.Write(wsframe.Text, []byte("leaving"))
		p.conn.Write(wsframe.Text, []byte(strings.Repeat("q", 100)))
		stream := p.stream(wsframe.Binary)
		stream.Write([]byte(strings.Repeat("s", 400)))
		stream.Flush()
		offer := func(text string) (sent, dropped int) {
			return p.conn.Offer([]*wsframe.PreparedMessage{wsframe.NewPreparedMessage(wsframe.Text, []byte(text))}, new(Offering), Block)
		}
		for i := range 5 { // 132 bytes each, beside 9, 102 and 404
			if sent, dropped := offer(fmt.Sprint("h", i)); sent != 1 || dropped != 0 {
				t.Errorf("message %d: %d sent, %d dropped", i, sent, dropped)
			}
		}
		if n := b.route.Dropped.Load(); n != 2 { // that in the queue, and h0
			t.Errorf("%d messages were dropped, want 2", n)
		}
		if sent, dropped := offer(strings.Repeat("x", 600)); sent != 0 || dropped != 1 {
			t.Errorf("one for which there is no room: %d sent, %d dropped", sent, dropped)
		}
		p.w.accept(-1)
		stream.Close()
		p.talk("< TEXT | leaving\n < BINARY nofin | 400 bytes\n < CONT\n < TEXT | h1\n < TEXT | h2\n < TEXT | h3\n < TEXT | h4")
		p.silent()
	})
}

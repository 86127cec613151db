package wsframe

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// The last octets, in whatever pieces they came, in memory that is bounded.
func TestHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := history{max: 1 << rapid.IntRange(minWindowBits, 12).Draw(t, "bits")}
		var all []byte
		for range rapid.IntRange(1, 40).Draw(t, "pieces") {
			p := noise(rapid.OneOf(rapid.IntRange(0, 40), rapid.IntRange(0, 3*h.max)).Draw(t, "length"), uint64(len(all)))
			all = append(all, p...)
			h.add(p)
			if want := all[max(0, len(all)-h.max):]; !bytes.Equal(h.last(), want) {
				t.Fatalf("after %d octets: %d, want %d", len(all), len(h.last()), len(want))
			}
			if cap(h.octets) > 5*h.max/4 {
				t.Fatalf("%d octets of memory for %d", cap(h.octets), h.max)
			}
		}
	})
}

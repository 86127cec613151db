package netio

import (
	"bytes"
	"testing"

	"github.com/hyperion-server/hyperion/internal/fence"
)

// Nothing beside the bytes given is read: each lies against a fence, at its
// end and at its start. The system says EFAULT of a byte beyond.
func TestWritePages_fence(t *testing.T) {
	page, ahead, date := fence.Pages(t, 1), fence.Pages(t, 1), fence.Pages(t, 1)
	for i := range page {
		page[i], ahead[i], date[i] = byte(i), byte(i+1), byte(i+2)
	}
	places := []struct {
		name  string
		place func(b []byte, n int) []byte
	}{
		{"end", func(b []byte, n int) []byte { return b[len(b)-n:] }},
		{"start", func(b []byte, n int) []byte { return b[:n:n] }},
	}
	eachPageImpl(t, func(t *testing.T, write pageWriter) {
		l := links[1].open(t)
		for _, at := range places {
			for size := DateLen; size <= 2*DateLen+2; size++ {
				for slot := range size - DateLen + 1 {
					d := [DateLen]byte(at.place(date, DateLen))
					q := sequence{at.place(ahead, size%3), (*[DateLen]byte)(at.place(date, DateLen)), nil}
					q.pages = []PageRef{{at.place(page, size), slot}, {at.place(page, size), slot}}
					for _, skip := range []int{0, 1, slot, slot + 1, size, size + slot, 2 * size} {
						want := (&sequence{q.ahead, &d, q.pages}).wire()[skip:]
						n, errno := q.write(write, l.a, skip)
						if got := l.drain(t); n != len(want) || errno != 0 || !bytes.Equal(got, want) {
							t.Fatalf("%s, page of %d, slot at %d, from byte %d: %d bytes left, %v, equal: %v",
								at.name, size, slot, skip, n, errno, bytes.Equal(got, want))
						}
					}
				}
			}
		}
	})
}

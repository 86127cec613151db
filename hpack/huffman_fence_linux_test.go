package hpack

import (
	"testing"

	"github.com/hyperion-server/hyperion/internal/fence"

	xhpack "golang.org/x/net/http2/hpack"
)

// Source and room lie against a fence, at their ends and at their starts, for
// all lengths; room is what the contract asks for, and no more.
func TestHuffman_fence(t *testing.T) {
	src, dst := fence.Pages(t, 1), fence.Pages(t, 2)
	sides := map[string]func(b []byte, n int) []byte{
		"end":   func(b []byte, n int) []byte { return b[len(b)-n:] },
		"start": func(b []byte, n int) []byte { return b[:n:n] },
	}
	forHuffmanImpls(t, func(t *testing.T, impl huffmanImpl) {
		for side, place := range sides {
			for n := range 600 {
				s := place(src, n)
				for i := range s {
					s[i] = "aeiost/-%\x00\xff"[(i*n)%(9+n%3)]
				}
				want := string(s)
				coded := xhpack.AppendHuffmanString(nil, want)
				k, shorter := impl.encode(place(dst, n+huffmanSlack), unsafeString(s))
				if shorter != (len(coded) < n) || shorter && string(place(dst, n+huffmanSlack)[:k]) != string(coded) {
					t.Fatalf("%s: encoding %q: %d, %v", side, want, k, shorter)
				}
				c := place(src, len(coded))
				copy(c, coded)
				room := place(dst, huffmanDecodedMax(len(c))+huffmanSlack)
				if k, err := impl.decode(room, c); err != nil || string(room[:k]) != want {
					t.Fatalf("%s: decoding %x: %v", side, coded, err)
				}
				if len(c) > 0 { // and one that is wrong at its end
					c[len(c)-1] ^= 0xff
					impl.decode(room, c)
				}
			}
		}
	})
}

package hpack

import (
	"os"
	"syscall"
	"testing"

	xhpack "golang.org/x/net/http2/hpack"
)

// fenced returns pages of memory between two that nobody may touch.
func fenced(t *testing.T, pages int) []byte {
	t.Helper()
	size := os.Getpagesize()
	b, err := syscall.Mmap(-1, 0, (pages+2)*size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Munmap(b) })
	for _, fence := range [][]byte{b[:size], b[len(b)-size:]} {
		if err := syscall.Mprotect(fence, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	return b[size : len(b)-size : len(b)-size]
}

// Source and room lie against a fence, at their ends and at their starts, for
// all lengths; room is what the contract asks for, and no more.
func TestHuffman_fence(t *testing.T) {
	src, dst := fenced(t, 1), fenced(t, 2)
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

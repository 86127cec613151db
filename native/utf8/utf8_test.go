//go:build cgo && !purego

package utf8

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"unicode/utf8"
)

// looked is how many octets a variant may leave: those of no whole block, and the
// character before.
const looked = 64 + 3

// forVariants runs a test with each variant that this CPU has, and with the choice.
func forVariants(t *testing.T, test func(*testing.T, func([]byte) int)) {
	for _, v := range append(slices.Clone(Variants), Variant{"chosen", Available, Prefix}) {
		t.Run(v.Name, func(t *testing.T) {
			if !v.Available {
				t.Skip("not on this CPU, or switched off")
			}
			test(t, v.Func)
		})
	}
}

// valid is the oracle: how many octets are whole characters.
func valid(p []byte) (n int) {
	for n < len(p) {
		r, size := utf8.DecodeRune(p[n:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		n += size
	}
	return n
}

// holds reports whether n is an answer that the contract allows for p.
func holds(p []byte, n int) bool {
	most := valid(p)
	return n >= 0 && n <= most && (n == len(p) || utf8.RuneStart(p[n]) || n == most) && most-n < looked
}

// All pairs of octets, and all of three that start a character, at every place
// that matters within two blocks, behind ASCII and behind characters.
func TestPrefix_sequences(t *testing.T) {
	places := []int{0, 13, 14, 15, 29, 30, 31, 47, 60, 61, 62, 63, 64, 95, 124}
	third := []byte{0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xe0, 0xf0, 0xff}
	forVariants(t, func(t *testing.T, prefix func([]byte) int) {
		for _, filler := range []string{"a", "é"} {
			text := bytes.Repeat([]byte(filler), 192/len(filler))
			for a := 0x7f; a < 256; a++ {
				for b := range 256 {
					at := places[(a+b)%len(places)] &^ (len(filler) - 1)
					was := [4]byte(text[at:])
					for i := range 2 {
						copy(text[at:], []byte{byte(a), byte(b), third[(a*31+b*7+i)%len(third)], third[(a*17+b*3+i*5)%len(third)]})
						if n := prefix(text); !holds(text, n) {
							t.Fatalf("%x at %d behind %q: %d, the oracle says %d", text[at:at+4], at, filler, n, valid(text))
						}
					}
					copy(text[at:], was[:])
				}
			}
			for _, at := range places { // and the edges at every place
				at &^= len(filler) - 1
				was := [4]byte(text[at:])
				for _, a := range []byte{0xbf, 0xc1, 0xc2, 0xe0, 0xe1, 0xed, 0xef, 0xf0, 0xf1, 0xf4, 0xf5} {
					for i := range 8 * 8 * 8 {
						edges := third[2:10]
						copy(text[at:], []byte{a, edges[i%8], edges[i/8%8], edges[i/64]})
						if n := prefix(text); !holds(text, n) {
							t.Fatalf("%x at %d behind %q: %d, the oracle says %d", text[at:at+4], at, filler, n, valid(text))
						}
					}
				}
				copy(text[at:], was[:])
			}
		}
	})
}

// Text of all lengths, right or with an octet that is not.
func TestPrefix_texts(t *testing.T) {
	runes := []rune("az\x00é߿ࠀ日\ud7ff\ue000\uffff\U00010000\U0001f600\U0010ffff")
	r := rand.New(rand.NewPCG(3, 3629))
	forVariants(t, func(t *testing.T, prefix func([]byte) int) {
		for range 10_000 {
			var p []byte
			some := runes[r.IntN(len(runes)):]
			for n := r.IntN(400); len(p) < n; {
				p = utf8.AppendRune(p, some[r.IntN(len(some))])
			}
			p = p[:r.IntN(len(p)+1)]
			if len(p) > 0 && r.IntN(2) == 0 {
				p[r.IntN(len(p))] = byte(r.Uint32())
			}
			if n := prefix(p); !holds(p, n) {
				t.Fatalf("%x: %d, the oracle says %d", p, n, valid(p))
			}
		}
	})
}

//go:build cgo && !purego

package huffman

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/hyperion-server/hyperion/internal/fence"
	"unsafe"
)

func stringOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func numbers(b []byte) []uint32 {
	return unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/4)
}

// Source, room and lengths lie against a fence, at their ends and at their
// starts; room is what the contract asks for, and no more.
func TestFence(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 7541))
	src, dst, lengths := fence.Pages(t, 1), fence.Pages(t, 1), fence.Pages(t, 1)
	for _, side := range []struct {
		name  string
		place func(b []byte, n int) []byte
	}{
		{"end", func(b []byte, n int) []byte { return b[len(b)-n:] }},
		{"start", func(b []byte, n int) []byte { return b[:n:n] }},
	} {
		t.Run(side.name, func(t *testing.T) {
			for n := range 600 {
				for round := range 4 {
					s := side.place(src, n)
					fill(r, s, round)
					want := bytes.Clone(s)
					Encode(side.place(dst, n+Slack), stringOf(s))
					room := side.place(dst, decodedMax(n)+Slack)
					Decode(room, s)
					DecodeBlock(room, s, numbers(side.place(lengths, 4*(n%40))))
					if !bytes.Equal(s, want) {
						t.Fatalf("%d octets: the source was written to", n)
					}
				}
			}
		})
	}
}

// fill makes octets of a kind: short codes, long ones, any, or a header block.
func fill(r *rand.Rand, s []byte, kind int) {
	block := strings.Repeat("\x40"+coded("name")+coded("some value")+"\x0f\x2f"+coded("another"), len(s)/20+1)
	for i := range s {
		switch kind {
		case 0:
			s[i] = "aeiost012"[r.IntN(9)]
		case 1:
			s[i] = "\x00\xff\x0a~{\xc0"[r.IntN(6)]
		case 2:
			s[i] = byte(r.Uint32())
		default:
			s[i] = block[i]
			if r.IntN(200) == 0 {
				s[i] ^= byte(1 << r.IntN(8))
			}
		}
	}
}

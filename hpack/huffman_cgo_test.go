//go:build cgo && !purego

package hpack

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/hyperion-server/hyperion/native/huffman"
)

func init() {
	huffmanImpls = append(huffmanImpls, huffmanImpl{"native", huffman.Encode, huffmanDecodeNative})
}

func huffmanDecodeNative(dst, src []byte) (int, error) {
	n, e := huffman.Decode(dst, src)
	switch e {
	case huffman.EOS:
		return n, ErrHuffmanEOS
	case huffman.Long:
		return n, ErrPaddingTooLong
	case huffman.NotOnes:
		return n, ErrPaddingNotOnes
	}
	return n, nil
}

// Blocks with strings decoded ahead give the same fields and errors as without,
// also when an octet is wrong somewhere, the block ends early or has many strings.
func TestDecodeAhead(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 7541))
	failed := 0
	for seed := range uint64(300) {
		c := newDiffConn(seed)
		decoders := [2]*Decoder{NewDecoder(DefaultTableSize), NewDecoder(DefaultTableSize)}
		for range c.blocks {
			var list []HeaderField
			for range r.IntN(1 + r.IntN(20)) {
				list = c.words.list(list)
			}
			block := []byte(nil)
			for _, f := range list {
				block = c.encoder.AppendField(block, f)
			}
			if len(block) > 0 && r.IntN(20) == 0 {
				block[r.IntN(len(block))] ^= 1 << r.IntN(8)
			}
			if r.IntN(40) == 0 {
				block = block[:len(block)/2]
			}
			var texts [2]string
			var errs [2]error
			for i, d := range decoders {
				w := reader{Decoder: d, rest: block, arena: []byte("kept"), left: d.maxList}
				if i == 1 {
					w.decodeAheadNative()
				}
				errs[i] = w.list()
				texts[i] = string(w.arena[:4]) + text(w.fields)
			}
			if texts[0] != texts[1] || errs[0] != errs[1] {
				t.Fatalf("%x: %q, %v; ahead %q, %v", block, texts[0], errs[0], texts[1], errs[1])
			}
			if errs[0] != nil {
				failed++
				break // the tables may differ now, as they may after any error
			}
		}
	}
	if failed < 20 {
		t.Errorf("only %d blocks had an error", failed)
	}
}

// BenchmarkDecodeAhead decodes blocks with their Huffman strings decoded one by
// one in Go, or ahead in C: the first block of a connection, and its first 16.
// Blocks below 64 octets are decoded in Go.
func BenchmarkDecodeAhead(b *testing.B) {
	for _, n := range []int{3, 25, 100} {
		blocks := xblocks(n)
		for _, native := range []bool{false, true} {
			for _, many := range []int{1, len(blocks)} {
				b.Run(fmt.Sprintf("%d/blocks=%d/native=%v", n, many, native), func(b *testing.B) {
					var arena []byte
					var fields []HeaderField
					d := NewDecoder(DefaultTableSize)
					for b.Loop() {
						d.table.count, d.table.size = 0, 0
						for _, block := range blocks[:many] {
							r := reader{Decoder: d, rest: block, arena: arena[:0], fields: fields[:0], left: d.maxList}
							if native && len(block) >= 64 {
								r.decodeAheadNative()
							}
							if err := r.list(); err != nil {
								b.Fatal(err)
							}
							arena, fields = r.arena, r.fields
						}
					}
				})
			}
		}
	}
}

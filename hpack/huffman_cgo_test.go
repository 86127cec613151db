//go:build cgo && !purego

package hpack

import (
	"fmt"
	"testing"

	"github.com/hyperion-server/hyperion/native/huffman"
)

func init() {
	huffmanImpls = append(huffmanImpls, huffmanImpl{"native", huffman.Encode, huffmanDecodeNative})
}

func huffmanDecodeNative(dst, src []byte) (int, error) {
	n, e := huffman.Decode(dst, src)
	return n, map[huffman.Error]error{0: nil, huffman.EOS: ErrHuffmanEOS, huffman.Long: ErrPaddingTooLong, huffman.NotOnes: ErrPaddingNotOnes}[e]
}

// BenchmarkDecodeAhead decodes blocks with their Huffman strings decoded one by
// one in Go, or ahead in C.
func BenchmarkDecodeAhead(b *testing.B) {
	for _, n := range []int{3, 25, 100} {
		blocks := xblocks(n)
		for _, kind := range []string{"first", "next"} {
			for _, native := range []bool{false, true} {
				b.Run(fmt.Sprintf("%d/%s/native=%v", n, kind, native), func(b *testing.B) {
					var arena []byte
					var fields []HeaderField
					block := blocks[0]
					d := NewDecoder(1 << 16)
					if kind == "next" {
						d.Decode(nil, nil, block)
						block = blocks[1]
					}
					state := d.table
					b.SetBytes(int64(len(block)))
					for b.Loop() {
						d.table.count, d.table.size, d.table.inserted = state.count, state.size, state.inserted
						r := reader{Decoder: d, rest: block, arena: arena[:0]}
						if native {
							r.decodeAheadNative()
						}
						fields, _ = r.list(fields[:0])
						arena = r.arena
					}
				})
			}
		}
	}
}

//go:build cgo && !purego

package hpack

import (
	"slices"

	"github.com/hyperion-server/hyperion/native/cpu"
	"github.com/hyperion-server/hyperion/native/huffman"
)

var huffmanUse = cpu.UseOf(huffman.Name)

const (
	minNativeEncode = 64 // octets; below this
	minNativeBlock  = 64 // octets of a block
	maxAhead        = 256
)

func huffmanEncode(dst []byte, s string) (n int, shorter bool) {
	if huffman.Available && len(s) >= minNativeEncode {
		huffmanUse.Note()
		return huffman.Encode(dst, s)
	}
	return huffmanEncodeGeneric(dst, s)
}

// decodeAhead decodes the Huffman strings of a whole block at once, where that
// is faster.
func (r *reader) decodeAhead() {
	if huffman.Available && len(r.rest) >= minNativeBlock {
		huffmanUse.Note()
		r.decodeAheadNative()
	}
}

func (r *reader) decodeAheadNative() {
	if r.lengths == nil {
		r.lengths = make([]uint32, maxAhead)
	}
	start := len(r.arena)
	r.arena = slices.Grow(r.arena, huffmanDecodedMax(len(r.rest))+huffmanSlack)
	r.ahead = r.lengths[:huffman.DecodeBlock(r.arena[start:cap(r.arena)], r.rest, r.lengths)]
	r.aheadAt = start
	for _, n := range r.ahead {
		start += int(n)
	}
	r.arena = r.arena[:start]
}

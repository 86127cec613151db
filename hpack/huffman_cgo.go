//go:build cgo && !purego

package hpack

import (
	"slices"

	"github.com/hyperion-server/hyperion/native/cpu"
	"github.com/hyperion-server/hyperion/native/huffman"
)

var huffmanUse = cpu.UseOf(huffman.Name)

// Where the native code is used when it is on. It is off by default: a block
// with all its strings decoded in one call is decoded as fast as in Go, because
// both wait for the same chain of table lookups, and the strings that are long
// enough to encode faster are rare. On 2 cores of an AMD EPYC, BenchmarkDecodeAhead,
// least of 12 rounds, and BenchmarkHuffman, least of 100:
//
//	µs to decode      the first block     16 blocks of a connection
//	fields             3    25    100       3    25    100
//	Go              0.27  2.22   10.3    2.07  14.4    167
//	C, one call     0.29  2.29   10.1    2.07  15.4    165
//
//	ns to encode a string
//	octets     8    32    64   128   256   512  1024  4096
//	Go        11    36    70   140   281   555  1151  4448
//	C         36    55    81   135   239   449   897  3411
const (
	minNativeEncode = 256  // octets of a string
	minNativeBlock  = 1024 // octets of a block
)

// maxAhead is how many strings are decoded ahead. Those behind are decoded one by one.
const maxAhead = 256

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

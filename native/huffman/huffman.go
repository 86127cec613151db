//go:build cgo && !purego

// Package huffman encodes and decodes the Huffman codes of HPACK in C. Its
// contract is in huffman.h.
package huffman

/*
#cgo CFLAGS: -std=c11 -O2 -Wall -Wextra
#cgo noescape hyp_huffman_encode
#cgo nocallback hyp_huffman_encode
#cgo noescape hyp_huffman_decode
#cgo nocallback hyp_huffman_decode
#cgo noescape hyp_huffman_block
#cgo nocallback hyp_huffman_block
#include "huffman.h"
*/
import "C"

import (
	"unsafe"

	"github.com/hyperion-server/hyperion/native/cpu"
)

// Name is the unit's name in HYPERION_NATIVE.
const Name = "huffman"

// Available says whether the unit may be used, Why why not.
var Available, Why = cpu.Enabled(Name)

// Slack is how many bytes may be written behind the longest result.
const Slack = C.HYP_HUFFMAN_SLACK

// An Error says what is wrong with a string of codes.
type Error int

// The errors of Decode.
const (
	EOS     Error = C.HYP_HUFFMAN_EOS
	Long    Error = C.HYP_HUFFMAN_LONG
	NotOnes Error = C.HYP_HUFFMAN_NOT_ONES
)

// Encode writes the codes of s to dst, which has len(s)+Slack bytes, and panics
// if it has less. It gives up when they are not shorter than s.
func Encode(dst []byte, s string) (n int, shorter bool) {
	dst = dst[:len(s)+Slack]
	n = int(C.hyp_huffman_encode(ptr(dst), (*C.uint8_t)(unsafe.StringData(s)), C.size_t(len(s))))
	return max(n, 0), n >= 0
}

// Decode writes the octets whose codes are in src to dst, which has
// len(src)*8/5+Slack bytes, and panics if it has less. The error is 0 if there
// is none.
func Decode(dst, src []byte) (n int, e Error) {
	dst = dst[:len(src)*8/5+Slack]
	var code C.int
	n = int(C.hyp_huffman_decode(ptr(dst), ptr(src), C.size_t(len(src)), &code))
	return max(n, 0), Error(code)
}

// DecodeBlock writes the octets of a header block's Huffman strings to dst, one
// string behind the other. That has len(block)*8/5+Slack bytes; DecodeBlock
// panics if it has less. It writes their lengths to lengths, and returns how
// many strings they are: it stops at the first thing that is wrong, and when
// lengths is full.
func DecodeBlock(dst, block []byte, lengths []uint32) (strings int) {
	dst = dst[:len(block)*8/5+Slack]
	return int(C.hyp_huffman_block(ptr(dst), ptr(block), C.size_t(len(block)),
		(*C.uint32_t)(unsafe.SliceData(lengths)), C.size_t(len(lengths))))
}

func ptr(b []byte) *C.uint8_t { return (*C.uint8_t)(unsafe.SliceData(b)) }

//go:build cgo && !purego

package unmask

/*
#cgo CFLAGS: -std=c11 -O2 -Wall -Wextra
#cgo noescape hyp_unmask_sse2
#cgo nocallback hyp_unmask_sse2
#cgo noescape hyp_unmask_avx2
#cgo nocallback hyp_unmask_avx2
#cgo noescape hyp_unmask_avx512
#cgo nocallback hyp_unmask_avx512
#include "unmask.h"
*/
import "C"

import (
	"unsafe"

	"github.com/hyperion-server/hyperion/native/cpu"
)

// Available says whether the unit may be used, Why why not.
var Available, Why = enabled, why

var (
	useAVX512 = cpu.X86HasAVX512
	useAVX2   = cpu.X86HasAVX2
)

// minAVX512 is from how many octets on AVX-512 gains: 1 %, while for less to mask
// the ends costs 7 ns more than AVX2 takes for them.
const minAVX512 = 64 << 10

// Unmask masks data in place with key, whose lowest octet is for the first one.
func Unmask(data []byte, key uint32) {
	if useAVX512 && len(data) >= minAVX512 {
		avx512(data, key)
	} else if useAVX2 {
		avx2(data, key)
	} else {
		sse2(data, key)
	}
}

// Variants are all that this architecture has, the best one first.
var Variants = []Variant{
	{"avx512", cpu.X86HasAVX512, avx512},
	{"avx2", cpu.X86HasAVX2, avx2},
	{"sse2", true, sse2},
}

func avx512(data []byte, key uint32) {
	C.hyp_unmask_avx512(ptr(data), C.size_t(len(data)), C.uint32_t(key))
}

func avx2(data []byte, key uint32) {
	C.hyp_unmask_avx2(ptr(data), C.size_t(len(data)), C.uint32_t(key))
}

func sse2(data []byte, key uint32) {
	C.hyp_unmask_sse2(ptr(data), C.size_t(len(data)), C.uint32_t(key))
}

func ptr(b []byte) *C.uint8_t { return (*C.uint8_t)(unsafe.SliceData(b)) }

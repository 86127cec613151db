//go:build cgo && !purego

package utf8

/*
#cgo CFLAGS: -std=c11 -O2 -Wall -Wextra
#cgo noescape hyp_utf8_sse42
#cgo nocallback hyp_utf8_sse42
#cgo noescape hyp_utf8_avx2
#cgo nocallback hyp_utf8_avx2
#include "utf8.h"
*/
import "C"

import (
	"unsafe"

	"github.com/hyperion-server/hyperion/native/cpu"
)

// Available says whether the unit may be used, Why why not.
var Available, Why = available()

func available() (bool, string) {
	if enabled && !cpu.X86HasSSE42 {
		return false, "this CPU has no SSE4.2"
	}
	return enabled, why
}

var useAVX2 = cpu.X86HasAVX2

// Prefix returns how many octets of p it has found to be whole characters. What
// follows is wrong, or less than 67 octets.
func Prefix(p []byte) int {
	if useAVX2 {
		return avx2(p)
	}
	return sse42(p)
}

// Variants are all that this architecture has, the best one first.
var Variants = []Variant{
	{"avx2", cpu.X86HasAVX2, avx2},
	{"sse4.2", cpu.X86HasSSE42, sse42},
}

func avx2(p []byte) int {
	return int(C.hyp_utf8_avx2((*C.uint8_t)(unsafe.SliceData(p)), C.size_t(len(p))))
}

func sse42(p []byte) int {
	return int(C.hyp_utf8_sse42((*C.uint8_t)(unsafe.SliceData(p)), C.size_t(len(p))))
}

//go:build cgo && !purego

package utf8

/*
#cgo CFLAGS: -std=c11 -O2 -Wall -Wextra
#cgo noescape hyp_utf8_neon
#cgo nocallback hyp_utf8_neon
#include "utf8.h"
*/
import "C"

import "unsafe"

// Available says whether the unit may be used, Why why not.
var Available, Why = enabled, why

// Prefix returns how many octets of p it has found to be whole characters. What
// follows is wrong, or less than 67 octets.
func Prefix(p []byte) int {
	return int(C.hyp_utf8_neon((*C.uint8_t)(unsafe.SliceData(p)), C.size_t(len(p))))
}

// Variants are all that this architecture has: every arm64 CPU has NEON.
var Variants = []Variant{{"neon", true, Prefix}}

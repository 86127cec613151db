//go:build cgo && !purego

package unmask

/*
#cgo CFLAGS: -std=c11 -O2 -Wall -Wextra
#cgo noescape hyp_unmask_neon
#cgo nocallback hyp_unmask_neon
#include "unmask.h"
*/
import "C"

import "unsafe"

// Available says whether the unit may be used, Why why not.
var Available, Why = enabled, why

// Unmask masks data in place with key, whose lowest octet is for the first one.
func Unmask(data []byte, key uint32) {
	C.hyp_unmask_neon((*C.uint8_t)(unsafe.SliceData(data)), C.size_t(len(data)), C.uint32_t(key))
}

// Variants are all that this architecture has: every arm64 CPU has NEON.
var Variants = []Variant{{"neon", true, Unmask}}

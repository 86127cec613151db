//go:build linux && cgo && !purego

// Package fileio sends the bytes of a file behind the head of a response, with
// one crossing into C for both. Its contract is in fileio.h.
package fileio

/*
#cgo CFLAGS: -std=c11 -O2 -Wall -Wextra
#cgo noescape hyp_fileio_send
#cgo nocallback hyp_fileio_send
#include "fileio.h"
*/
import "C"

import (
	"syscall"
	"unsafe"

	"github.com/hyperion-server/hyperion/native/cpu"
)

// Name is the unit's name in HYPERION_NATIVE.
const Name = "fileio"

// Available says whether the unit may be used, Why why not.
var Available, Why = cpu.Enabled(Name)

// Round is how many bytes one sendfile call moves at most.
const Round = C.HYP_FILEIO_ROUND

// Send sends head and then n bytes of src from off to dst, without waiting for
// the peer. It returns the bytes that left, of the head first, and why no more
// did: 0 when that was all; EAGAIN when the socket takes no more for now;
// ENODATA when the file has ended. handled is false when the kernel can't send
// this file this way: then no byte left. A short count with errno 0 means that
// it can't go on: the next call will say so.
func Send(dst, src int, head []byte, off, n int64) (sent int64, errno syscall.Errno, handled bool) {
	var err C.int
	r := int64(C.hyp_fileio_send(C.int(dst), C.int(src), (*C.uint8_t)(unsafe.SliceData(head)), C.size_t(len(head)),
		C.int64_t(off), C.size_t(n), &err))
	if r == -2 {
		return 0, 0, false
	}
	return max(r, 0), syscall.Errno(err), true
}

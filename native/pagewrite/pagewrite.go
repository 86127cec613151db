//go:build linux && cgo && !purego

// Package pagewrite writes prebuilt responses with their Date in one system
// call made by C. Its contract is in pagewrite.h.
//
// The pages, the date and the bytes ahead of them may be Go memory: they are
// arguments of the call, which pins and keeps them until it returns.
package pagewrite

/*
#cgo CFLAGS: -std=c11 -O2 -Wall -Wextra
#cgo noescape hyp_pagewrite
#cgo nocallback hyp_pagewrite
#include "pagewrite.h"
*/
import "C"

import (
	"syscall"
	"unsafe"

	"github.com/hyperion-server/hyperion/native/cpu"
)

// Name is the unit's name in HYPERION_NATIVE.
const Name = "pagewrite"

// Available says whether the unit may be used, Why why not.
var Available, Why = cpu.Enabled(Name)

// Max is how many pages a call takes.
const Max = C.HYP_PAGEWRITE_MAX

// Pages is what one call writes: the bytes ahead, then the pages in the order
// added. The zero value is empty. Each is for one goroutine at a time.
type Pages struct{ c C.struct_hyp_pages }

// Begin empties p, and sets the bytes that leave ahead of the pages and the
// date for their slots.
func (p *Pages) Begin(ahead []byte, date *[C.HYP_PAGEWRITE_DATE]byte) {
	p.c.ahead = (*C.uint8_t)(unsafe.SliceData(ahead))
	p.c.ahead_len = C.size_t(len(ahead))
	p.c.date = (*C.uint8_t)(unsafe.Pointer(date))
	p.c.n = 0
}

// Add adds a page whose Date slot starts at date. It panics when the slot is
// not within the page or Max pages were added.
func (p *Pages) Add(page []byte, date int) {
	_ = page[date : date+C.HYP_PAGEWRITE_DATE : len(page)]
	q := &p.c.page[p.c.n]
	q.bytes = (*C.uint8_t)(unsafe.SliceData(page))
	q.len = C.size_t(len(page))
	q.date = C.size_t(date)
	p.c.n++
}

// Write writes from byte skip on, without blocking. It returns the bytes that
// left and why no more did: 0 when that was all, EAGAIN when the descriptor
// takes no more for now.
func (p *Pages) Write(fd, skip int) (n int, errno syscall.Errno) {
	var err C.int
	n = int(C.hyp_pagewrite(C.int(fd), p.c, C.size_t(skip), &err))
	return max(n, 0), syscall.Errno(err)
}

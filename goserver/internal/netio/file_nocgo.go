//go:build !linux || !cgo || purego

package netio

import "syscall"

// sendfile has the contract of sendfileGeneric.
func sendfile(dst, src int, head []byte, off, n int64) (sent int64, errno syscall.Errno, handled bool) {
	return sendfileGeneric(dst, src, head, off, n)
}

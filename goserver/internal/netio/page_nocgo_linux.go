//go:build !cgo || purego

package netio

import "syscall"

// writePages is the pageWriter in use.
func writePages(fd int32, ahead []byte, date *[DateLen]byte, pages []PageRef, skip int) (int, syscall.Errno) {
	return writePagesGeneric(fd, ahead, date, pages, skip)
}

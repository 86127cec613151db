//go:build cgo && !purego

package netio

import (
	"syscall"

	"github.com/hyperion-server/hyperion/native/cpu"
	"github.com/hyperion-server/hyperion/native/pagewrite"
)

const _ = -uint(MaxPages ^ pagewrite.Max) // compiles only when they are equal

var pagewriteUse = cpu.UseOf(pagewrite.Name)

// writePages is the pageWriter in use. The native one is off by default, at every
// length: both make the same system call, and to enter C costs more than to
// prepare it in Go. BenchmarkWritePages on 2 cores of an AMD EPYC, least of 18
// rounds: µs of processor to write pages over loopback and read them.
//
//	body            5 B  1 KiB  4 KiB  8 KiB  16 KiB  64 KiB
//	1 page, Go     7.17   7.22   7.36   7.54    8.00    14.6
//	1 page, C      7.31   7.33   7.61   7.79    8.26    14.9
//	16 pages, Go   8.57   9.45   16.4   23.7    41.1   147.7
//	16 pages, C    8.79   9.69   16.7   24.1    41.3   146.2
func writePages(fd int32, ahead []byte, date *[DateLen]byte, pages []PageRef, skip int) (int, syscall.Errno) {
	if pagewrite.Available {
		pagewriteUse.Note()
		return writePagesNative(fd, ahead, date, pages, skip)
	}
	return writePagesGeneric(fd, ahead, date, pages, skip)
}

// writePagesNative is the pageWriter in C.
func writePagesNative(fd int32, ahead []byte, date *[DateLen]byte, pages []PageRef, skip int) (int, syscall.Errno) {
	var p pagewrite.Pages
	p.Begin(ahead, date)
	for i := range pages {
		p.Add(pages[i].Bytes, pages[i].Date)
	}
	return p.Write(int(fd), skip)
}

package netio

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A gather is what of a sequence is still to be written.
type gather struct {
	iov        [1 + 3*MaxPages]unix.Iovec
	first, end int
}

// append adds b less its first skip bytes, and returns what is left to skip.
func (g *gather) append(b []byte, skip int) int {
	if skip >= len(b) {
		return skip - len(b)
	}
	g.iov[g.end].Base = &b[skip]
	g.iov[g.end].SetLen(len(b) - skip)
	g.end++
	return 0
}

// advance takes off the n bytes that have left.
func (g *gather) advance(n int) {
	for g.first < g.end && n >= int(g.iov[g.first].Len) {
		n -= int(g.iov[g.first].Len)
		g.first++
	}
	if n > 0 {
		v := &g.iov[g.first]
		v.Base = (*byte)(unsafe.Add(unsafe.Pointer(v.Base), n))
		v.SetLen(int(v.Len) - n)
	}
}

// writePagesGeneric is a pageWriter without C.
func writePagesGeneric(fd int32, ahead []byte, date *[DateLen]byte, pages []PageRef, skip int) (done int, errno syscall.Errno) {
	var g gather
	skip = g.append(ahead, skip)
	for i := range pages {
		p := &pages[i]
		skip = g.append(p.Bytes[:p.Date], skip)
		skip = g.append(date[:], skip)
		skip = g.append(p.Bytes[p.Date+DateLen:], skip)
	}
	isSocket := true
	for g.first < g.end {
		var n uintptr
		v := unsafe.Pointer(&g.iov[g.first])
		if isSocket {
			m := unix.Msghdr{Iov: (*unix.Iovec)(v)}
			m.SetIovlen(g.end - g.first)
			n, _, errno = syscall.RawSyscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&m)), unix.MSG_NOSIGNAL)
		} else {
			n, _, errno = syscall.RawSyscall(unix.SYS_WRITEV, uintptr(fd), uintptr(v), uintptr(g.end-g.first))
		}
		switch {
		case errno == 0:
			done += int(n)
			g.advance(int(n))
		case errno == syscall.ENOTSOCK && isSocket:
			isSocket = false
		case errno != syscall.EINTR:
			return done, errno
		}
	}
	return done, 0
}

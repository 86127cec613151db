//go:build !linux

package netio

import "syscall"

// sendfileGeneric handles nothing: connections here are net.Conns.
func sendfileGeneric(dst, src int, head []byte, off, n int64) (sent int64, errno syscall.Errno, handled bool) {
	return 0, 0, false
}

func advise(File, int64, int64) {}

// missingRung says why r is never used here, "" if it is.
func missingRung(r Rung) string {
	switch r {
	case RungSmall, RungSplice, RungSendfile:
		return "needs Linux"
	}
	return ""
}

package static

import (
	"io/fs"
	"syscall"
)

// openFlags keep a FIFO from blocking and a terminal from becoming ours.
const openFlags = syscall.O_NONBLOCK | syscall.O_NOCTTY

// identity returns what tells apart files of the same time and size: the number on the
// file system, which a new file may take over from one removed, and the time of
// the last change of any kind, which nobody can set.
func identity(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return number(st.Ino, st.Ctim.Nano())
	}
	return 0
}

// descriptorLimit returns how many files the process may have open.
func descriptorLimit() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024
	}
	return int(min(limit.Cur, 1<<30))
}

package static

import (
	"io/fs"
	"math/bits"
	"syscall"
)

// openFlags keep a FIFO from blocking and a terminal from becoming ours.
const openFlags = syscall.O_NONBLOCK | syscall.O_NOCTTY

// identity returns what tells apart files of the same time and size: the number on the
// file system, which a new file may take over from one removed, and the time of
// the last change of any kind, which nobody can set.
func identity(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Ino ^ bits.Reverse64(uint64(st.Ctim.Nano())) // whose low bits change most, as those of Ino do
	}
	return 0
}

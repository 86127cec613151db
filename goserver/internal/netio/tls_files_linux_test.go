package netio

import (
	"testing"

	"golang.org/x/sys/unix"
)

// raiseFiles makes sure that n descriptors can be open.
func raiseFiles(t *testing.T, n uint64) {
	t.Helper()
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		t.Fatal(err)
	}
	if l.Cur >= n {
		return
	}
	if l.Max < n {
		t.Skipf("only %d descriptors may be open", l.Max)
	}
	l.Cur = n
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		t.Fatal(err)
	}
}

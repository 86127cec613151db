//go:build linux && cgo && !purego

package fileio

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// The callers' tests, in netio, run the unit beside its Go twin. This is about
// what only the binding can get wrong: the three kinds of result, and offsets of 64 bits.
func TestSend(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sparse")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const at = 5 << 30
	if _, err := f.WriteAt([]byte("far away"), at); err != nil {
		t.Skip("no sparse files: ", err)
	}
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(pair[0])
	src := int(f.Fd())
	mem, err := os.Open("/proc/self/mem") // sendfile(2) refuses it
	if err != nil {
		t.Skip(err)
	}
	defer mem.Close()
	for _, c := range []struct {
		name    string
		dst     int
		src     int
		head    string
		off, n  int64
		sent    int64
		errno   syscall.Errno
		handled bool
	}{
		{"all", pair[0], src, "head ", at, 8, 13, 0, true},
		{"nothing", pair[0], src, "", 0, 0, 0, 0, true},
		{"file ends", pair[0], src, "head ", at, 100, 13, syscall.ENODATA, true},
		{"error of the head", -1, src, "head ", at, 8, 0, syscall.EBADF, true},
		{"error of the file", pair[0], -1, "", at, 8, 0, syscall.EBADF, true},
		{"refused", pair[0], int(mem.Fd()), "", 0, 8, 0, 0, false},
		{"refused behind a head", pair[0], int(mem.Fd()), "head", 0, 8, 4, 0, true},
	} {
		sent, errno, handled := Send(c.dst, c.src, []byte(c.head), c.off, c.n)
		if sent != c.sent || errno != c.errno || handled != c.handled {
			t.Errorf("%s: %d, %v, %v; want %d, %v, %v", c.name, sent, errno, handled, c.sent, c.errno, c.handled)
		}
	}
	syscall.Close(pair[1])
}

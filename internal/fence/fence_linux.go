// Package fence is for tests of code that must not touch memory beyond what it was given.
package fence

import (
	"os"
	"syscall"
	"testing"
)

// Pages returns pages of memory between two that nobody may touch, until the end of the test.
func Pages(t testing.TB, pages int) []byte {
	t.Helper()
	size := os.Getpagesize()
	b, err := syscall.Mmap(-1, 0, (pages+2)*size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Munmap(b) })
	for _, fence := range [][]byte{b[:size], b[len(b)-size:]} {
		if err := syscall.Mprotect(fence, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	return b[size : len(b)-size : len(b)-size]
}

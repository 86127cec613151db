//go:build cgo && !purego

package unmask

import (
	"os"
	"syscall"
	"testing"
)

// fenced returns pages of memory between two that nobody may touch.
func fenced(t *testing.T, pages int) []byte {
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

// All lengths to a page and more, flush against both fences.
func TestFence(t *testing.T) {
	b := fenced(t, 2)
	forVariants(t, func(t *testing.T, unmask func([]byte, uint32)) {
		for n := range 5000 {
			unmask(b[len(b)-n:], 0x01020304)
			unmask(b[:n:n], 0x01020304)
		}
	})
}

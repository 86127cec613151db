package wsframe

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

// All lengths lie against a fence, at their ends and at their starts.
func TestMask_fence(t *testing.T) {
	b := fenced(t, 2)
	forMaskImpls(t, func(t *testing.T, impl maskImpl) {
		for n := 0; n <= 4200; n += lengthStep {
			impl.mask(b[len(b)-n:], 0x01020304)
			impl.mask(b[:n:n], 0x01020304)
		}
	})
}

//go:build cgo && !purego

package unmask

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
)

// naive is the oracle: RFC 6455 section 5.3, octet by octet.
func naive(data []byte, key uint32) {
	for i := range data {
		data[i] ^= byte(key >> (8 * (i % 4)))
	}
}

// forVariants runs a test with each variant that this CPU has, and with the choice.
func forVariants(t *testing.T, test func(*testing.T, func([]byte, uint32))) {
	for _, v := range append(slices.Clone(Variants), Variant{"chosen", Available, Unmask}) {
		t.Run(v.Name, func(t *testing.T) {
			if !v.Available {
				t.Skip("not on this CPU, or switched off")
			}
			test(t, v.Func)
		})
	}
}

// Lengths and alignments that change the way through each variant. Package
// wsframe has the table over all of them.
func TestUnmask(t *testing.T) {
	const key = 0xa1b2c3d4
	forVariants(t, func(t *testing.T, unmask func([]byte, uint32)) {
		for _, n := range []int{0, 1, 3, 4, 7, 8, 15, 31, 32, 63, 64, 65, 127, 128, 255, 256, 257, 319, 511, 1000, 4096, 64 << 10, 64<<10 + 7} {
			for at := 0; at < 64; at += 1 + n>>13 {
				got, want := make([]byte, at+n+64), make([]byte, at+n+64)
				for i := range got {
					got[i] = byte(i * 31)
					want[i] = got[i]
				}
				unmask(got[at:at+n], key)
				naive(want[at:at+n], key)
				if !slices.Equal(got, want) {
					t.Fatalf("%d octets at %d differ from the oracle", n, at)
				}
			}
		}
	})
}

// Each architecture has a variant that all its CPUs run, and the best is first.
func TestVariants(t *testing.T) {
	if len(Variants) == 0 {
		t.Skip("no code for ", runtime.GOARCH)
	}
	if last := Variants[len(Variants)-1]; !last.Available {
		t.Errorf("%s is not available, and there is nothing behind it", last.Name)
	}
}

func BenchmarkUnmask(b *testing.B) {
	for _, v := range Variants {
		for _, n := range []int{16, 64, 128, 256, 512, 1024, 4096, 16384, 65536, 1 << 20} {
			b.Run(fmt.Sprintf("%s/%d", v.Name, n), func(b *testing.B) {
				if !v.Available {
					b.Skip()
				}
				data := make([]byte, n+3)[3:]
				b.SetBytes(int64(n))
				for b.Loop() {
					v.Func(data, 0xa1b2c3d4)
				}
			})
		}
	}
}

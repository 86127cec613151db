package wsframe

import (
	"bytes"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

type maskImpl struct {
	name string
	mask func(data []byte, key uint32)
}

// maskImpls are all that stand behind Mask; the C variants add themselves.
var maskImpls = []maskImpl{{"chosen", mask}, {"generic", maskGeneric}}

func forMaskImpls(t *testing.T, test func(*testing.T, maskImpl)) {
	for _, impl := range maskImpls {
		t.Run(impl.name, func(t *testing.T) { test(t, impl) })
	}
}

// naiveMask is the oracle: section 5.3, octet by octet.
func naiveMask(key [4]byte, pos uint64, data []byte) {
	for i := range data {
		data[i] ^= key[(pos+uint64(i))%4]
	}
}

// The octets of section 5.7.
func TestMask_rfc(t *testing.T) {
	data := []byte("\x7f\x9f\x4d\x51\x58")
	Mask([4]byte{0x37, 0xfa, 0x21, 0x3d}, 0, data)
	if string(data) != "Hello" {
		t.Errorf("unmasked: %q", data)
	}
}

// Every length to 4096 at every alignment within a cache line, with every phase of
// the key; the long ones have one of the phases each. What stands before and behind
// must stay as it is.
func TestMask_lengths(t *testing.T) {
	const most, line, margin = 4096, 64, 64
	key := [4]byte{0xa1, 0xb2, 0xc3, 0xd4}
	clear := make([]byte, margin+line+most+margin)
	for i := range clear {
		clear[i] = byte(i*7 + i>>8)
	}
	var masked [4][]byte // as if the payload began at that octet
	for phase := range masked {
		masked[phase] = bytes.Clone(clear)
		naiveMask(key, uint64(4-phase), masked[phase])
	}
	forMaskImpls(t, func(t *testing.T, impl maskImpl) {
		got := bytes.Clone(clear)
		for n := 0; n <= most; n += lengthStep {
			for at := margin; at < margin+line; at++ {
				phases := 4
				if n > 600 { // the way through is the same, only longer
					phases = 1
				}
				for i := range phases {
					phase := (at*5/4 + n + i) % 4
					impl.mask(got[at:at+n], rotated(key, uint64(4+at-phase)))
					if !bytes.Equal(got[at:at+n], masked[phase][at:at+n]) {
						t.Fatalf("%d octets at %d, phase %d: not as the oracle", n, at, phase)
					}
					copy(got[at:at+n], clear[at:])
					if low, high := at-margin, at+n+margin; !bytes.Equal(got[low:high], clear[low:high]) {
						t.Fatalf("%d octets at %d: wrote beside them", n, at)
					}
				}
			}
		}
	})
}

// A payload may come in any pieces.
func TestMask_pieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := [4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "key"))
		n := rapid.IntRange(0, 9000).Draw(t, "length")
		start := rapid.Uint64().Draw(t, "start")
		got := make([]byte, n)
		for i := range got {
			got[i] = byte(i * 13)
		}
		want := bytes.Clone(got)
		naiveMask(key, start, want)
		for at := 0; at < n; {
			end := min(n, at+rapid.IntRange(1, 3000).Draw(t, "piece"))
			Mask(key, start+uint64(at), got[at:end])
			at = end
		}
		if !bytes.Equal(got, want) {
			t.Fatal("not as in one piece")
		}
	})
}

func BenchmarkMask(b *testing.B) {
	for _, impl := range maskImpls {
		for _, n := range []int{8, 16, 64, 125, 256, 512, 768, 1024, 2048, 4096, 16384, 65536, 1 << 20} {
			b.Run(fmt.Sprintf("%s/%d", impl.name, n), func(b *testing.B) {
				data := make([]byte, n+4)[4:] // as behind a short header
				b.SetBytes(int64(n))
				for b.Loop() {
					impl.mask(data, 0xd4c3b2a1)
				}
			})
		}
	}
}

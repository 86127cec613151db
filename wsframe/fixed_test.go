package wsframe

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// All lengths and distances that a match can have, written and read back.
func TestFixed_matches(t *testing.T) {
	z := new(fixedEncoder)
	history := noise(32<<10, 3)
	for n := 3; n <= maxMatch; n++ {
		if n > 20 && n%lengthStep > 1 {
			continue
		}
		for _, back := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 16, 17, 255, 256, 257, 384, 385, 4096, 4097, 24576, 24577, 32767, 32768} {
			z.out = bitWriter{to: make([]byte, 64), most: 64}
			z.out.put(0b010, 3)
			z.match(n, back)
			z.literals([]byte("\x00\x8f\x90\xff"))
			z.out.put(0, 7)
			z.out.put(0, 3)
			size, _ := z.out.end()
			out, farthest, err := inflateOracle(history, append(z.out.to[:size:size], syncTail...))
			if err != nil || len(out) != n+4 || farthest != back || string(out[n:]) != "\x00\x8f\x90\xff" {
				t.Fatalf("%d octets from %d back: %d from %d, %v", n, back, len(out)-4, farthest, err)
			}
		}
	}
}

// Texts with repeats at all distances: the peer gets them, within the window, and
// what stands behind the room is left alone.
func TestFixed_texts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		history := chat(rapid.IntRange(0, maxHistory).Draw(t, "history"), 1)
		var m []byte
		for len(m) < rapid.IntRange(0, maxFixed).Draw(t, "length") {
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case 0:
				m = append(m, rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(t, "octets")...)
			case 1:
				m = append(m, bytes.Repeat([]byte{rapid.Byte().Draw(t, "octet")}, rapid.IntRange(1, 600).Draw(t, "times"))...)
			default:
				all := append(bytes.Clone(history), m...)
				if len(all) == 0 {
					continue
				}
				at := rapid.IntRange(0, len(all)-1).Draw(t, "from")
				m = append(m, all[at:min(len(all), at+rapid.IntRange(1, 400).Draw(t, "of"))]...)
			}
		}
		m = m[:min(len(m), maxFixed)]
		window := 1 << rapid.IntRange(minWindowBits, maxWindowBits).Draw(t, "bits")
		payload, ok := appendFixed(nil, history, m, window)
		if !ok {
			return
		}
		out, farthest, err := inflateOracle(history, append(bytes.Clone(payload), syncTail...))
		if err != nil || !bytes.Equal(out, m) || farthest > window || len(payload) >= len(m) {
			t.Fatalf("%d octets: %d, %d back, %v", len(m), len(payload), farthest, err)
		}
	})
}

// Octets that do not repeat are given up, with nothing written beyond the room.
func TestFixed_noise(t *testing.T) {
	for n := range maxFixed + 1 {
		m := noise(n, uint64(n))
		room := bytes.Repeat([]byte{0x5a}, n+100)
		if out, ok := appendFixed(room[:0], nil, m, 1<<15); ok || len(out) != 0 {
			t.Fatalf("%d octets of noise became %d", n, len(out))
		}
		if i := bytes.IndexFunc(room[n+bitWriterSlack:], func(r rune) bool { return r != 0x5a }); i >= 0 {
			t.Fatalf("%d octets: wrote %d behind", n, bitWriterSlack+i)
		}
	}
}

package wsframe

import (
	"bytes"
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// The frames of RFC 6455 section 5.7 and of RFC 7692 section 7.2.3.
var headerVectors = []struct {
	section, octets string
	header          Header
}{
	{"5.7 unmasked text", "\x81\x05", Header{Fin: true, Opcode: Text, Length: 5}},
	{"5.7 masked text", "\x81\x85\x37\xfa\x21\x3d", Header{Fin: true, Opcode: Text, Masked: true, Key: [4]byte{0x37, 0xfa, 0x21, 0x3d}, Length: 5}},
	{"5.7 first fragment", "\x01\x03", Header{Opcode: Text, Length: 3}},
	{"5.7 last fragment", "\x80\x02", Header{Fin: true, Opcode: Continuation, Length: 2}},
	{"5.7 ping", "\x89\x05", Header{Fin: true, Opcode: Ping, Length: 5}},
	{"5.7 masked pong", "\x8a\x85\x37\xfa\x21\x3d", Header{Fin: true, Opcode: Pong, Masked: true, Key: [4]byte{0x37, 0xfa, 0x21, 0x3d}, Length: 5}},
	{"5.7 256 octets", "\x82\x7e\x01\x00", Header{Fin: true, Opcode: Binary, Length: 256}},
	{"5.7 64 KiB", "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00", Header{Fin: true, Opcode: Binary, Length: 65536}},
	{"7.2.3.1 compressed", "\xc1\x07", Header{Fin: true, RSV1: true, Opcode: Text, Length: 7}},
	{"7.2.3.1 compressed fragment", "\x41\x03", Header{RSV1: true, Opcode: Text, Length: 3}},
	{"all reserved", "\xff\x00", Header{Fin: true, RSV1: true, RSV2: true, RSV3: true, Opcode: 0xf}},
	{"125", "\x82\x7d", Header{Fin: true, Opcode: Binary, Length: 125}},
	{"126", "\x82\x7e\x00\x7e", Header{Fin: true, Opcode: Binary, Length: 126}},
	{"65535", "\x82\x7e\xff\xff", Header{Fin: true, Opcode: Binary, Length: 65535}},
	{"2^63-1", "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x01\x02\x03\x04", Header{Fin: true, Opcode: Binary, Masked: true, Key: [4]byte{1, 2, 3, 4}, Length: math.MaxInt64}},
}

func TestHeader_vectors(t *testing.T) {
	for _, v := range headerVectors {
		if got := v.header.Append([]byte("before")); string(got) != "before"+v.octets {
			t.Errorf("%s: appended %x, want %x", v.section, got, v.octets)
		}
		h, n, ok := ParseHeader([]byte(v.octets + "payload"))
		h.extended = 0
		if !ok || n != len(v.octets) || h != v.header {
			t.Errorf("%s: parsed %+v, %d, %v", v.section, h, n, ok)
		}
	}
}

// Whatever is missing, the answer is how many octets there must be, at least, and
// never more than there are in the end.
func TestParseHeader_incremental(t *testing.T) {
	for _, v := range headerVectors {
		need := 0
		for i := range len(v.octets) {
			_, n, ok := ParseHeader([]byte(v.octets[:i]))
			if ok || n <= i || n > len(v.octets) || n < need {
				t.Errorf("%s: of %d octets: %d, %v", v.section, i, n, ok)
			}
			need = n
		}
	}
}

func drawHeader(t *rapid.T) Header {
	h := Header{
		Fin: rapid.Bool().Draw(t, "fin"), RSV1: rapid.Bool().Draw(t, "rsv1"),
		RSV2: rapid.Bool().Draw(t, "rsv2"), RSV3: rapid.Bool().Draw(t, "rsv3"),
		Opcode: Opcode(rapid.IntRange(0, 15).Draw(t, "opcode")), Masked: rapid.Bool().Draw(t, "masked"),
		Length: rapid.OneOf(rapid.Uint64Range(0, 300), rapid.Uint64Range(65000, 66000), rapid.Uint64()).Draw(t, "length"),
	}
	if h.Masked {
		copy(h.Key[:], rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "key"))
	}
	return h
}

func TestHeader_roundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawHeader(t)
		b := want.Append(nil)
		got, n, ok := ParseHeader(b)
		if !ok || n != len(b) || n > MaxHeader {
			t.Fatalf("%x: %d, %v", b, n, ok)
		}
		if got.extended != minExtended(want.Length) {
			t.Fatalf("%x: length not minimal", b)
		}
		got.extended = 0
		if got != want {
			t.Fatalf("%+v became %+v", want, got)
		}
	})
}

func TestOpcode(t *testing.T) {
	for op, want := range map[Opcode]struct {
		text                 string
		control, data, known bool
	}{
		Continuation: {"continuation", false, false, true},
		Text:         {"text", false, true, true},
		Binary:       {"binary", false, true, true},
		3:            {"reserved opcode 0x3", false, false, false},
		7:            {"reserved opcode 0x7", false, false, false},
		Close:        {"close", true, false, true},
		Ping:         {"ping", true, false, true},
		Pong:         {"pong", true, false, true},
		11:           {"reserved opcode 0xB", true, false, false},
		15:           {"reserved opcode 0xF", true, false, false},
	} {
		if op.String() != want.text || op.Control() != want.control || op.Data() != want.data || op.known() != want.known {
			t.Errorf("%d: %q, control %v, data %v, known %v", op, op, op.Control(), op.Data(), op.known())
		}
	}
}

func TestHeader_allocs(t *testing.T) {
	b := make([]byte, 0, 64)
	var s State
	if n := testing.AllocsPerRun(100, func() {
		b = Header{Fin: true, Opcode: Binary, Masked: true, Length: 70000}.Append(b[:0])
		h, _, _ := ParseHeader(b)
		if err := Check(h, s); err != nil {
			t.Fatal(err)
		}
		s.Advance(h)
		Mask(h.Key, 0, b)
	}); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

func BenchmarkParseHeader(b *testing.B) {
	for _, length := range []uint64{5, 1024, 1 << 20} {
		octets := Header{Fin: true, Opcode: Text, Masked: true, Length: length}.Append(nil)
		b.Run(fmt.Sprint(length), func(b *testing.B) {
			var s State
			s.MaxMessage = 1 << 20
			for b.Loop() {
				h, _, ok := ParseHeader(octets)
				if !ok || Check(h, s) != nil {
					b.Fatal("wrong")
				}
				s.Advance(h)
			}
		})
	}
}

func BenchmarkAppendHeader(b *testing.B) {
	dst := bytes.Repeat([]byte{0}, MaxHeader)
	for _, length := range []uint64{5, 1024, 1 << 20} {
		b.Run(fmt.Sprint(length), func(b *testing.B) {
			for b.Loop() {
				dst = Header{Fin: true, Opcode: Text, Length: length}.Append(dst[:0])
			}
		})
	}
}

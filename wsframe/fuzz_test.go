package wsframe

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

// Any octets as frames of a client: nothing is read behind the end, what is taken
// goes out as it came in, and the octets in any pieces give the same frames.
func FuzzParseHeader(f *testing.F) {
	for _, v := range headerVectors {
		f.Add([]byte(v.octets), true)
	}
	f.Add([]byte("\x01\x83\x01\x02\x03\x04abc\x89\x80\x00\x00\x00\x00\x80\x80\x01\x02\x03\x04\x88\x80\x01\x02\x03\x04"), false)
	f.Fuzz(func(t *testing.T, b []byte, deflate bool) {
		s := State{Deflate: deflate, MaxMessage: 1000}
		for {
			h, n, ok := ParseHeader(b)
			for i := range min(len(b), n) {
				if _, m, ok := ParseHeader(b[:i:i]); ok || m <= i || m > n {
					t.Fatalf("%x: %d octets of %d, %v", b[:i], m, n, ok)
				}
			}
			if !ok {
				return
			}
			if n > MaxHeader || n > len(b) {
				t.Fatalf("%x: header of %d", b, n)
			}
			again := h.Append(nil)
			err := Check(h, s)
			if h.extended == minExtended(h.Length) != bytes.Equal(again, b[:n]) {
				t.Fatalf("%x went out as %x", b[:n], again)
			}
			var e *Error
			if err != nil && !errors.As(err, &e) {
				t.Fatalf("%x: %v is no *Error", b[:n], err)
			}
			if err != nil {
				return
			}
			if h.Length > 8*1000 {
				t.Fatalf("%x: too big", b[:n])
			}
			op, compressed := s.Advance(h)
			if op.Control() != h.Opcode.Control() || compressed && !deflate {
				t.Fatalf("%x is of %v, %v", b[:n], op, compressed)
			}
			b = b[n:]
			if uint64(len(b)) < h.Length {
				return
			}
			b = b[h.Length:]
		}
	})
}

func FuzzUTF8(f *testing.F) {
	f.Add([]byte("κόσμε"), uint(1))
	f.Add([]byte("\xed\xa0\x80"), uint(2))
	f.Add([]byte(strings.Repeat("日本語 ", 60)+"\xf4\x90"), uint(100))
	f.Fuzz(func(t *testing.T, b []byte, cut uint) {
		at := int(cut % uint(len(b)+1))
		if err := checkText(b[:at], b[at:]); err != nil {
			t.Fatal(err)
		}
		for _, impl := range utf8Impls {
			if got, want := impl.prefix(b), wholeCharacters(b); got != want {
				t.Fatalf("%s: %d whole octets of %x, want %d", impl.name, got, b, want)
			}
		}
	})
}

func FuzzMask(f *testing.F) {
	f.Add([]byte("\x7f\x9f\x4d\x51\x58"), uint32(0x3d21fa37), uint(2))
	f.Fuzz(func(t *testing.T, b []byte, k uint32, cut uint) {
		key := [4]byte{byte(k), byte(k >> 8), byte(k >> 16), byte(k >> 24)}
		want := bytes.Clone(b)
		naiveMask(key, 0, want)
		for _, impl := range maskImpls {
			got := bytes.Clone(b)
			impl.mask(got, k)
			if !bytes.Equal(got, want) {
				t.Fatalf("%s differs", impl.name)
			}
		}
		at := int(cut % uint(len(b)+1))
		Mask(key, 0, b[:at])
		Mask(key, uint64(at), b[at:])
		if !bytes.Equal(b, want) {
			t.Fatal("two pieces differ")
		}
	})
}

func FuzzParseClose(f *testing.F) {
	f.Add([]byte("\x03\xe8bye"))
	f.Add([]byte("\x03\xed"))
	f.Fuzz(func(t *testing.T, b []byte) {
		code, reason, err := ParseClose(b)
		if err != nil {
			return
		}
		if !utf8.Valid(reason) || len(b) > 0 && !code.Sendable() {
			t.Fatalf("%x: %v, %q", b, code, reason)
		}
		again, err := AppendClose(nil, code, string(reason))
		if err != nil || !bytes.Equal(again, b[:min(len(b), len(again))]) || len(b) <= MaxControl && len(again) != len(b) {
			t.Fatalf("%x went out as %x, %v", b, again, err)
		}
	})
}

// Any field: what is agreed on is within what is wanted, and a client that offered
// all accepts the answer.
func FuzzNegotiate(f *testing.F) {
	f.Add(Extension+"; client_max_window_bits; server_max_window_bits=10, "+Extension, uint8(0x9a))
	f.Add(`x; a="b\"c", permessage-deflate; server_no_context_takeover`, uint8(0))
	f.Fuzz(func(t *testing.T, field string, want uint8) {
		d := Deflate{Window{8 + int(want&7), want&8 != 0}, Window{8 + int(want>>4&7), want>>7 != 0}}
		agreed, answer, err := d.Negotiate([]string{field})
		if err != nil {
			if answer != "" || agreed != (Deflate{}) {
				t.Fatalf("%q with %v", answer, err)
			}
			return
		}
		if agreed.Validate() != nil || agreed.Server.bits() > d.Server.bits() ||
			agreed.Client.bits() > d.Client.bits() && !agreed.Client.NoContextTakeover ||
			d.Server.NoContextTakeover && !agreed.Server.NoContextTakeover || d.Client.NoContextTakeover && !agreed.Client.NoContextTakeover {
			t.Fatalf("%q: %+v, wanted %+v", field, agreed, d)
		}
		theirs, ok, err := Deflate{}.Accept([]string{answer})
		if err != nil || !ok || theirs != agreed {
			t.Fatalf("%q: %q is read as %+v, %v, %v; want %+v", field, answer, theirs, ok, err, agreed)
		}
	})
}

// Any octets as a compressed message: within the limits, both ways the same, and
// the same as the standard library where that has no more to say.
func FuzzInflate(f *testing.F) {
	f.Add([]byte("\xf2\x48\xcd\xc9\xc9\x07\x00"), uint16(0))
	f.Add([]byte("\xf3\x48\xcd\xc9\xc9\x07\x00\xf2\x00\x11\x00\x00"), uint16(100))
	f.Add(deflated(string(chat(300, 1)), ""), uint16(200))
	f.Fuzz(func(t *testing.T, payload []byte, limit uint16) {
		want, wantErr := []byte(nil), error(nil)
		for i, way := range []string{"Append", "Append with room", "Read", "Read octets"} {
			d := NewDecompressor(Window{})
			d.MaxMessage = int(limit)
			if d.MaxMessage == 0 {
				d.MaxMessage = 1 << 20
			}
			got, err := inflateWays[way](d, payload)
			if len(got) > d.MaxMessage {
				t.Fatalf("%s: %d octets, limit %d", way, len(got), limit)
			}
			if i == 0 {
				want, wantErr = got, err
			}
			if err != wantErr || err == nil && !bytes.Equal(got, want) {
				t.Fatalf("%s: %d octets, %v; first %d, %v", way, len(got), err, len(want), wantErr)
			}
		}
		std, err := io.ReadAll(io.LimitReader(flate.NewReader(io.MultiReader(bytes.NewReader(payload), strings.NewReader(syncTail+finalBlock))), 1<<20+1))
		switch {
		case len(payload) == 0 || wantErr == ErrMessageTooBig || len(std) > 1<<20:
		case wantErr == nil && !bytes.HasPrefix(want, std):
			t.Fatalf("%d octets, the standard library has others", len(want))
		case wantErr == nil && err != nil:
			t.Fatalf("%d octets, the standard library: %v", len(want), err)
		case wantErr != nil && err == nil && len(std) == len(want) && !finalInside(payload):
			t.Fatalf("%v; the standard library finds no fault", wantErr)
		}
	})
}

// finalInside reports whether a final block may end within the payload, behind
// which the standard library does not look.
func finalInside(payload []byte) bool {
	r := bytes.NewReader(append(bytes.Clone(payload), syncTail+finalBlock...))
	io.Copy(io.Discard, io.LimitReader(flate.NewReader(r), 1<<20))
	return r.Len() > 0
}

// Any message, with any history and window, is got by the peer.
func FuzzCompressor(f *testing.F) {
	f.Add([]byte("Hello"), []byte("Hello, Hello, Hello"), uint8(15))
	f.Add(chat(300, 1), chat(2000, 2), uint8(0x18))
	f.Fuzz(func(t *testing.T, first, second []byte, w uint8) {
		window := Window{8 + int(w&7), w&0x10 != 0}
		c, d, peer := NewCompressor(window), NewDecompressor(window), &receiver{window: window}
		for i, m := range [][]byte{first, second, first, second} {
			if len(m) > 1<<12 {
				return
			}
			var payload []byte
			ok := true
			if i == 3 {
				payload = c.AppendPart(nil, m, true)
			} else {
				payload, ok = c.Append(nil, m)
			}
			if !ok {
				continue
			}
			if got, err := peer.receive(payload); err != nil || !bytes.Equal(got, m) {
				t.Fatalf("the oracle: %v", err)
			}
			if got, err := d.Append(nil, payload); err != nil || !bytes.Equal(got, m) {
				t.Fatal(err)
			}
		}
	})
}

//go:build cgo && !purego

package huffman

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// Package hpack runs the unit beside its Go twin, over one table of tests. These
// are about memory, about what only the binding can get wrong, and about
// DecodeBlock, which has no twin.

// vectors are strings of RFC 7541 appendix C, and their codes.
var vectors = []struct{ section, text, codes string }{
	{"C.4.1", "www.example.com", "\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"},
	{"C.4.2", "no-cache", "\xa8\xeb\x10\x64\x9c\xbf"},
	{"C.4.3", "custom-key", "\x25\xa8\x49\xe9\x5b\xa9\x7d\x7f"},
	{"C.4.3", "custom-value", "\x25\xa8\x49\xe9\x5b\xb8\xe8\xb4\xbf"},
	{"C.6.1", "302", "\x64\x02"},
	{"C.6.1", "private", "\xae\xc3\x77\x1a\x4b"},
	{"C.6.1", "Mon, 21 Oct 2013 20:13:21 GMT", "\xd0\x7a\xbe\x94\x10\x54\xd4\x44\xa8\x20\x05\x95\x04\x0b\x81\x66\xe0\x82\xa6\x2d\x1b\xff"},
	{"C.6.1", "https://www.example.com", "\x9d\x29\xad\x17\x18\x63\xc7\x8f\x0b\x97\xc8\xe9\xae\x82\xae\x43\xd3"},
	{"C.6.3", "gzip", "\x9b\xd9\xab"},
}

func TestVectors(t *testing.T) {
	for _, v := range vectors {
		dst := make([]byte, len(v.text)+Slack)
		if n, shorter := Encode(dst, v.text); !shorter || string(dst[:n]) != v.codes {
			t.Errorf("%s: %q is encoded as %x, %v; want %x", v.section, v.text, dst[:n], shorter, v.codes)
		}
		dst = make([]byte, decodedMax(len(v.codes))+Slack)
		if n, e := Decode(dst, []byte(v.codes)); e != 0 || string(dst[:n]) != v.text {
			t.Errorf("%s: %x is decoded as %q, %v; want %q", v.section, v.codes, dst[:n], e, v.text)
		}
	}
}

func decodedMax(n int) int { return n * 8 / 5 }

func TestEncode_notShorter(t *testing.T) {
	for _, s := range []string{"", "a", "ZZ", "\x00", strings.Repeat("\xff", 300), strings.Repeat("&", 64)} {
		if n, shorter := Encode(make([]byte, len(s)+Slack), s); n != 0 || shorter {
			t.Errorf("%.10q: %d, %v", s, n, shorter)
		}
	}
}

func TestDecode_errors(t *testing.T) {
	for src, want := range map[string]Error{
		"":                     0,
		"\x07":                 0, // "0", three ones
		"\xff":                 Long,
		"\x1f\xff":             Long,
		"\x18":                 NotOnes,
		"\xff\xff\xff\xff":     EOS,
		"\xff\xff\xff\xfc":     EOS,
		"\x1f\xff\xff\xff\xff": EOS,
		strings.Repeat("\x18\xc6\x31\x8c\x63", 4) + "\xff\xff\xff\xff" + strings.Repeat("\x18", 9): EOS,
	} {
		n, e := Decode(make([]byte, decodedMax(len(src))+Slack), []byte(src))
		if e != want || e != 0 && n != 0 {
			t.Errorf("%x: %d, error %d; want %d", src, n, e, want)
		}
	}
}

// coded is a string literal of Huffman codes, which are shorter than it.
func coded(s string) string {
	dst := make([]byte, len(s)+Slack)
	n, shorter := Encode(dst, s)
	if !shorter || n >= 127 {
		panic(s)
	}
	return string([]byte{0x80 | byte(n)}) + string(dst[:n])
}

func TestDecodeBlock(t *testing.T) {
	long := strings.Repeat("a", 250) // whose codes have a length of two octets
	codes := make([]byte, len(long)+Slack)
	n, _ := Encode(codes, long)
	for _, c := range []struct{ name, block, want string }{
		{"nothing", "", ""},
		{"indexes", "\x82\xbe\xff\x80\x01", ""},
		{"table size updates", "\x20\x3f\xe1\x1f\x40\x01x" + coded("value"), "value"},
		{"name and value", "\x40" + coded("name") + coded("value"), "name value"},
		{"not indexed, never indexed", "\x00" + coded("name") + coded("value") + "\x10" + coded("eman") + coded("eulav"), "name value eman eulav"},
		{"index of a name", "\x41" + coded("value") + "\x0f\x2f" + coded("value2") + "\x7f\x80\x01" + coded("value3"), "value value2 value3"},
		{"plain among them", "\x40\x02no" + coded("first") + "\x82\x00" + coded("name") + "\x03not\x41" + coded("last"), "first name last"},
		{"an empty one", "\x41\x80\x41" + coded("value"), " value"},
		{"of a length of two octets", "\x41\xff" + string([]byte{byte(n - 127)}) + string(codes[:n]) + "\x41" + coded("value"), long + " value"},

		{"ends within a string", "\x41" + coded("value") + "\x41" + coded("value")[:3], "value"},
		{"ends before a string", "\x41" + coded("value") + "\x40", "value"},
		{"ends within an integer", "\x41" + coded("value") + "\x41\xff\x80", "value"},
		{"an integer of too many octets", "\xff\x80\x80\x80\x80\x80\x01\x41" + coded("value"), ""},
		{"a length of 2^28", "\x41\xff\xff\xff\xff\x7f" + coded("value"), ""},
		{"an error in a string", "\x41" + coded("value") + "\x41\x81\xff\x41" + coded("value"), "value"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			dst := make([]byte, decodedMax(len(c.block))+Slack)
			lengths := make([]uint32, 8)
			for _, n := range lengths[:DecodeBlock(dst, []byte(c.block), lengths)] {
				got = append(got, string(dst[:n]))
				dst = dst[n:]
			}
			if s := strings.Join(got, " "); s != c.want {
				t.Errorf("%x: %q, want %q", c.block, s, c.want)
			}
		})
	}
}

func TestDecodeBlock_full(t *testing.T) {
	block := []byte(strings.Repeat("\x41"+coded("value"), 10))
	for room := range 12 {
		lengths := append(make([]uint32, room), 4711)
		n := DecodeBlock(make([]byte, decodedMax(len(block))+Slack), block, lengths[:room])
		if n != min(room, 10) || lengths[room] != 4711 {
			t.Errorf("room for %d: %d strings, %d behind them", room, n, lengths[room])
		}
	}
}

// What is too small for the contract does not reach C.
func TestMisuse(t *testing.T) {
	for name, call := range map[string]func(){
		"Encode":      func() { Encode(make([]byte, 5+Slack-1), "hello") },
		"Decode":      func() { Decode(make([]byte, 8+Slack-1), make([]byte, 5)) },
		"DecodeBlock": func() { DecodeBlock(make([]byte, 8+Slack-1), make([]byte, 5), make([]uint32, 1)) },
		"Encode nil":  func() { Encode(nil, "") },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			call()
		})
	}
}

func TestEmpty(t *testing.T) {
	dst := make([]byte, Slack)
	if n, e := Decode(dst, nil); n != 0 || e != 0 {
		t.Errorf("Decode: %d, %d", n, e)
	}
	if n := DecodeBlock(dst, nil, nil); n != 0 {
		t.Errorf("DecodeBlock: %d", n)
	}
	if n := DecodeBlock(make([]byte, 20), []byte("\x41\x80"), nil); n != 0 {
		t.Errorf("DecodeBlock without lengths: %d", n)
	}
}

func Test_allocs(t *testing.T) {
	src := []byte("\x41" + coded("value"))
	dst, lengths := make([]byte, 64), make([]uint32, 4)
	if n := testing.AllocsPerRun(100, func() {
		Encode(dst, "value")
		Decode(dst, src[2:])
		DecodeBlock(dst, src, lengths)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkCall is what a call costs that does nothing.
func BenchmarkCall(b *testing.B) {
	dst := make([]byte, Slack)
	for b.Loop() {
		Decode(dst, nil)
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, n := range []int{12, 100, 1000} {
		src := bytes.Repeat([]byte(vectors[0].codes[:10]), n/10)
		dst := make([]byte, decodedMax(len(src))+Slack)
		b.Run(fmt.Sprint(len(src)), func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				Decode(dst, src)
			}
		})
	}
}

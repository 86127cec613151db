package wsframe

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

type utf8Impl struct {
	name   string
	prefix func(p []byte) int
}

// utf8Impls are all that stand behind UTF8; the C variants add themselves.
var utf8Impls = []utf8Impl{{"chosen", utf8Prefix}, {"generic", utf8PrefixGeneric}}

// canGoOn is the oracle: whether some UTF-8 text starts with p.
func canGoOn(p []byte) bool {
	for len(p) > 0 && utf8.FullRune(p) {
		r, size := utf8.DecodeRune(p)
		if r == utf8.RuneError && size == 1 {
			return false
		}
		p = p[size:]
	}
	return true
}

// wholeCharacters is the oracle of what is behind UTF8.
func wholeCharacters(p []byte) (n int) {
	for n < len(p) {
		r, size := utf8.DecodeRune(p[n:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		n += size
	}
	return n
}

// checkText feeds the pieces and compares each answer with the oracle's.
func checkText(pieces ...[]byte) error {
	var u UTF8
	var text []byte
	for _, p := range pieces {
		text = append(text, p...)
		err := u.Feed(p)
		if want := canGoOn(text); (err == nil) != want {
			return fmt.Errorf("%q as %q: %v; want it to go on: %v", text, pieces, err, want)
		}
		if err != nil {
			return nil
		}
	}
	if err := u.End(); (err == nil) != utf8.Valid(text) {
		return fmt.Errorf("%q as %q ends with %v", text, pieces, err)
	}
	if u != (UTF8{}) {
		return fmt.Errorf("%q: not ready for the next text", text)
	}
	return nil
}

// All sequences of up to three octets, alone, behind ASCII and octet by octet.
func TestUTF8_all(t *testing.T) {
	check := func(s ...byte) {
		each := make([][]byte, len(s))
		for i := range s {
			each[i] = s[i : i+1]
		}
		if err := checkText(s); err != nil {
			t.Fatal(err)
		}
		if err := checkText(each...); err != nil {
			t.Fatal(err)
		}
	}
	edges := []byte{0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff}
	for a := range 256 {
		check(byte(a))
		for b := range 256 {
			check(byte(a), byte(b))
			for _, c := range edges {
				check(byte(a), byte(b), c)
			}
		}
	}
	for a := 0xe0; a < 0x100; a++ {
		for b := 0x7f; b <= 0xc0; b += 1 + lengthStep/12 {
			for _, c := range edges {
				for _, d := range edges {
					check(byte(a), byte(b), c, d)
				}
			}
		}
	}
}

// Texts cut in two at every octet.
func TestUTF8_cut(t *testing.T) {
	for _, text := range []string{
		"κόσμε", "日本語 and ASCII for more than thirty-two octets 日本語", "\U00010348\U0010ffff é",
		"a\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", strings.Repeat("é", 40) + "\xff", "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
	} {
		for i := range len(text) + 1 {
			if err := checkText([]byte(text[:i]), []byte(text[i:])); err != nil {
				t.Error(err)
			}
		}
	}
}

// The place of the octet that is wrong, in text of all lengths and kinds.
func TestUTF8_prefix(t *testing.T) {
	for _, impl := range utf8Impls {
		t.Run(impl.name, func(t *testing.T) {
			for _, unit := range []string{"a", "é", "日", "\U0001f600", "aé", "ab日", "abc\U0001f600d"} {
				text := []byte(strings.Repeat(unit, 300))[:300]
				for n := 0; n <= len(text); n += 1 + lengthStep/10 {
					if got, want := impl.prefix(text[:n]), wholeCharacters(text[:n]); got != want {
						t.Fatalf("%d octets of %q: %d, want %d", n, unit, got, want)
					}
					for _, bad := range []byte{0x00, 0x80, 0xbf, 0xc0, 0xc3, 0xe3, 0xed, 0xf0, 0xf4, 0xff} {
						if n == len(text) {
							break
						}
						was := text[n]
						text[n] = bad
						if got, want := impl.prefix(text), wholeCharacters(text); got != want {
							t.Fatalf("%q with %x at %d: %d, want %d", unit, bad, n, got, want)
						}
						text[n] = was
					}
				}
			}
		})
	}
}

func TestUTF8_pieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(rapid.String().Draw(t, "text"))
		if len(text) > 0 && rapid.Bool().Draw(t, "damaged") {
			text[rapid.IntRange(0, len(text)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "octet")
		}
		var pieces [][]byte
		for len(text) > 0 {
			n := rapid.IntRange(1, len(text)).Draw(t, "piece")
			pieces, text = append(pieces, text[:n]), text[n:]
		}
		if err := checkText(pieces...); err != nil {
			t.Fatal(err)
		}
	})
}

func TestUTF8_reset(t *testing.T) {
	var u UTF8
	if err := u.Feed([]byte("\xe2\x82")); err != nil {
		t.Fatal(err)
	}
	u.Reset()
	if err := u.Feed([]byte("a")); err != nil {
		t.Error("what came before Reset counts")
	}
	if u.Feed([]byte("\xff")) != ErrUTF8 {
		t.Error("no error")
	}
}

func BenchmarkUTF8(b *testing.B) {
	for _, text := range []struct{ name, unit string }{
		{"ascii", "The quick brown fox. "}, {"german", "Über die Höhe fährt größte Mühe. "}, {"greek", "Τάχιστη αλώπηξ "}, {"japanese", "いろはにほへと"}, {"json", `{"name":"Zoë","text":"hello"},`}, {"emoji", "\U0001f600\U0001f680"},
	} {
		for _, impl := range append([]utf8Impl{{"std", func(p []byte) int {
			if utf8.Valid(p) {
				return len(p)
			}
			return 0
		}}}, utf8Impls...) {
			for _, n := range []int{32, 125, 512, 1024, 4096, 65536} {
				data := bytes.Repeat([]byte(text.unit), n/len(text.unit)+1)[:n]
				data = data[:wholeCharacters(data)]
				b.Run(fmt.Sprintf("%s/%s/%d", text.name, impl.name, n), func(b *testing.B) {
					b.SetBytes(int64(len(data)))
					for b.Loop() {
						if impl.prefix(data) != len(data) {
							b.Fatal("wrong")
						}
					}
				})
			}
		}
	}
}

package hpack

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unsafe"

	xhpack "golang.org/x/net/http2/hpack"
)

// huffmanImpl is one implementation of the code. Its functions have the
// contracts of huffmanEncodeGeneric and huffmanDecodeGeneric.
type huffmanImpl struct {
	name   string
	encode func(dst []byte, s string) (n int, shorter bool)
	decode func(dst, src []byte) (n int, err error)
}

// huffmanImpls are all that this build has.
var huffmanImpls = []huffmanImpl{{"generic", huffmanEncodeGeneric, huffmanDecodeGeneric}}

func forHuffmanImpls(t *testing.T, f func(t *testing.T, impl huffmanImpl)) {
	for _, impl := range huffmanImpls {
		t.Run(impl.name, func(t *testing.T) { f(t, impl) })
	}
}

// huffmanSymbols are the octets by the length of their code and the code.
var huffmanSymbols = func() map[[2]uint64]byte {
	symbols := make(map[[2]uint64]byte)
	for c, code := range huffmanCode {
		symbols[[2]uint64{code & 0xff, code >> 8}] = byte(c)
	}
	return symbols
}()

// decodeNaive decodes bit by bit. It is the oracle of what is wrong.
func decodeNaive(src []byte) (out []byte, err error) {
	var code, bits uint64
	for i := range 8 * len(src) {
		code, bits = code<<1|uint64(src[i/8]>>(7-i%8)&1), bits+1
		if c, ok := huffmanSymbols[[2]uint64{bits, code}]; ok {
			out = append(out, c)
			code, bits = 0, 0
		} else if bits == 30 && code == 1<<30-1 {
			return nil, ErrHuffmanEOS
		}
	}
	switch {
	case bits > 7:
		return nil, ErrPaddingTooLong
	case code != 1<<bits-1:
		return nil, ErrPaddingNotOnes
	}
	return out, nil
}

func (impl huffmanImpl) decoded(src []byte) ([]byte, error) {
	dst := make([]byte, huffmanDecodedMax(len(src))+huffmanSlack)
	n, err := impl.decode(dst, src)
	return dst[:n], err
}

func TestHuffman_roundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 7541))
	forHuffmanImpls(t, func(t *testing.T, impl huffmanImpl) {
		for n := range 300 {
			for _, alphabet := range []int{3, 64, 128, 256} {
				s := make([]byte, n)
				for i := range s {
					s[i] = byte('0' + r.IntN(alphabet))
				}
				want := xhpack.AppendHuffmanString(nil, string(s))
				dst := bytes.Repeat([]byte{0xa5}, n+huffmanSlack+1)
				k, shorter := impl.encode(dst[:n+huffmanSlack], string(s))
				if shorter != (len(want) < n) || shorter && !bytes.Equal(dst[:k], want) {
					t.Fatalf("%q: %x, shorter %v; want %x", s, dst[:k], shorter, want)
				}
				if dst[n+huffmanSlack] != 0xa5 {
					t.Fatalf("%q: writes behind the room it was given", s)
				}
				if got, err := impl.decoded(want); err != nil || !bytes.Equal(got, s) {
					t.Fatalf("%x: %q, %v; want %q", want, got, err, s)
				}
			}
		}
	})
}

// Each octet behind each number of others, so that its code starts at each bit.
func TestHuffman_everyOctet(t *testing.T) {
	forHuffmanImpls(t, func(t *testing.T, impl huffmanImpl) {
		for c := range 256 {
			for n := range 24 {
				s := strings.Repeat("a", n) + string([]byte{byte(c)}) + "b"
				coded := xhpack.AppendHuffmanString(nil, s)
				if got, err := impl.decoded(coded); err != nil || string(got) != s {
					t.Fatalf("%x: %q, %v; want %q", coded, got, err, s)
				}
			}
		}
	})
}

// Random bits, and the ends of strings with one bit changed: results and errors
// are those of the oracle.
func TestHuffman_errors(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 7541))
	var sources [][]byte
	for range 4000 {
		src := make([]byte, r.IntN(40))
		for i := range src {
			src[i] = byte(r.Uint32() | r.Uint32()) // ones are what errors are made of
			if r.IntN(3) > 0 {
				src[i] = 0xff
			}
		}
		sources = append(sources, src)
	}
	for n := range 30 {
		coded := xhpack.AppendHuffmanString(nil, "x"+strings.Repeat("y: 0", n))
		for bit := range 8 * min(len(coded), 5) {
			changed := bytes.Clone(coded)
			changed[len(changed)-1-bit/8] ^= 1 << (bit % 8)
			sources = append(sources, changed)
		}
	}
	seen := make(map[error]int)
	for _, src := range sources {
		want, wantErr := decodeNaive(src)
		seen[wantErr]++
		for _, impl := range huffmanImpls {
			got, err := impl.decoded(src)
			if !errors.Is(err, wantErr) || err == nil && !bytes.Equal(got, want) {
				t.Fatalf("%s: %x: %q, %v; want %q, %v", impl.name, src, got, err, want, wantErr)
			}
		}
	}
	for _, err := range []error{nil, ErrHuffmanEOS, ErrPaddingTooLong, ErrPaddingNotOnes} {
		if seen[err] < 50 {
			t.Errorf("only %d cases of %v", seen[err], err)
		}
	}
}

func FuzzHuffmanDecode(f *testing.F) {
	f.Add([]byte("\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"))
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, src []byte) {
		want, wantErr := decodeNaive(src)
		for _, impl := range huffmanImpls {
			got, err := impl.decoded(src)
			if !errors.Is(err, wantErr) || err == nil && !bytes.Equal(got, want) {
				t.Fatalf("%s: %x: %q, %v; want %q, %v", impl.name, src, got, err, want, wantErr)
			}
		}
	})
}

func BenchmarkHuffman(b *testing.B) {
	const text = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8 8f14e45fceea167a5a36dedd4bea2543 "
	for _, n := range []int{8, 32, 64, 128, 256, 512, 1024, 4096} {
		s := strings.Repeat(text, n/len(text)+1)[:n]
		coded := make([]byte, n+huffmanSlack)
		k, _ := huffmanEncodeGeneric(coded, s)
		out := make([]byte, huffmanDecodedMax(k)+huffmanSlack)
		for _, impl := range huffmanImpls {
			b.Run(fmt.Sprintf("encode/%d/%s", n, impl.name), func(b *testing.B) {
				b.SetBytes(int64(n))
				for b.Loop() {
					impl.encode(coded, s)
				}
			})
			b.Run(fmt.Sprintf("decode/%d/%s", n, impl.name), func(b *testing.B) {
				b.SetBytes(int64(n))
				for b.Loop() {
					impl.decode(out, coded[:k])
				}
			})
		}
	}
}

func unsafeString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

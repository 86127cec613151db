package wsframe

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"sync"
)

// maxFixed is how long a message may be to be compressed here and not by the
// library: in one pass, with the fixed codes of RFC 1951 section 3.2.6. The codes
// of a table of its own would be shorter, but to make the table and to send it
// takes more than a short message gains. On 2 cores of an AMD EPYC, BenchmarkFixed,
// without and with takeover of 4 KiB, µs a message and octets of payload for 100:
//
//	octets             125        400       1024       2048       4096
//	fixed codes   0.44  74   0.92  41    2.0  32    3.8  28    7.3  26
//	the library    2.2 100    5.2  42    6.2  28    7.9  23   10.9  21
//	fixed codes    2.5   6    3.2  25    4.1  24    7.8  24    9.6  23
//	the library    2.2 100    7.5  25    8.8  21   10.2  19   13.5  18
const maxFixed = 1024

// A fixedEncoder is what it takes to compress a short message. It is recycled.
type fixedEncoder struct {
	seen [1 << fixedHashBits]uint16 // 1 + where four octets with this hash are in text
	text [maxHistory + maxFixed]byte
	out  bitWriter
}

const (
	fixedHashBits = 11
	minMatch      = 4 // octets; three in so short a text are worth no search
	maxMatch      = 258
)

var fixedEncoders = sync.Pool{New: func() any { return new(fixedEncoder) }}

// appendFixed compresses a message that goes on after the history, to which it
// refers up to window octets back, and appends it to dst. It gives up when that
// is no shorter.
func appendFixed(dst, history, message []byte, window int) (out []byte, ok bool) {
	z := fixedEncoders.Get().(*fixedEncoder)
	defer fixedEncoders.Put(z)
	dst = slices.Grow(dst, len(message)+bitWriterSlack)
	z.out = bitWriter{to: dst[len(dst):cap(dst)], most: len(message)}
	clear(z.seen[:])
	text := message
	if len(history) > 0 {
		text = z.text[:copy(z.text[:], history)+len(message)]
		copy(text[len(history):], message)
		z.learn(history)
	}
	z.out.put(0b010, 3) // BFINAL 0, BTYPE 01
	z.encode(text, len(history), window)
	z.out.put(0, 7) // the end of the block
	z.out.put(0, 3) // an empty stored block, without the octets that are left out
	n, ok := z.out.end()
	z.out = bitWriter{}
	if !ok {
		return dst, false
	}
	return dst[:len(dst)+n], true
}

// learn notes what can be referred to: every other octet, since a match that
// starts between two is found at its next one, and grows back.
func (z *fixedEncoder) learn(history []byte) {
	for i := 0; i+minMatch <= len(history); i += 2 {
		z.seen[fixedHash(binary.LittleEndian.Uint32(history[i:]))] = uint16(i + 1)
	}
}

func fixedHash(four uint32) uint32 { return four * 2654435761 >> (32 - fixedHashBits) }

// encode writes the octets of text from i on.
func (z *fixedEncoder) encode(text []byte, i, window int) {
	next, misses := i, 0 // next is the first octet that is not yet written
	for i+minMatch <= len(text) && !z.out.full() {
		four := binary.LittleEndian.Uint32(text[i:])
		h := fixedHash(four)
		at := int(z.seen[h]) - 1
		z.seen[h] = uint16(i + 1)
		if at < 0 || i-at > window || binary.LittleEndian.Uint32(text[at:]) != four {
			misses++
			i += 1 + misses>>5 // what does not repeat is gone through faster
			continue
		}
		for i > next && at > 0 && text[i-1] == text[at-1] {
			i, at = i-1, at-1
		}
		misses = 0
		n := minMatch + common(text[at+minMatch:], text[i+minMatch:min(len(text), i+maxMatch)])
		z.literals(text[next:i])
		z.match(n, i-at)
		for j := i + 1; j < i+n && j+minMatch <= len(text); j += 2 {
			z.seen[fixedHash(binary.LittleEndian.Uint32(text[j:]))] = uint16(j + 1)
		}
		i += n
		next = i
	}
	z.literals(text[next:])
}

// common returns how many octets a and b start with that are the same. b is no
// longer than a.
func common(a, b []byte) (n int) {
	for ; len(b)-n >= 8; n += 8 {
		if x := binary.LittleEndian.Uint64(a[n:]) ^ binary.LittleEndian.Uint64(b[n:]); x != 0 {
			return n + bits.TrailingZeros64(x)/8
		}
	}
	for n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

func (z *fixedEncoder) literals(p []byte) {
	for _, c := range p {
		if z.out.full() {
			return
		}
		e := fixedLiteral[c]
		z.out.put(uint64(e.bits), uint(e.n))
	}
}

// match writes a reference: n octets, from back octets before.
func (z *fixedEncoder) match(n, back int) {
	e := fixedLength[n]
	z.out.put(uint64(e.bits), uint(e.n))
	d := uint32(back - 1)
	if d < 4 {
		z.out.put(uint64(bits.Reverse8(uint8(d))>>3), 5)
		return
	}
	extra := uint(bits.Len32(d)) - 2
	code := uint8(2*extra) + uint8(d>>extra)
	z.out.put(uint64(bits.Reverse8(code)>>3)|uint64(d&(1<<extra-1))<<5, 5+extra)
}

// A fixedCode is bits to write, the first one lowest: of a code and of what
// follows it.
type fixedCode struct {
	bits uint16
	n    uint8
}

// The fixed codes of all literals, and of all lengths with their extra bits (RFC
// 1951 sections 3.2.5 and 3.2.6).
var (
	fixedLiteral = makeFixedLiterals()
	fixedLength  = makeFixedLengths()
)

func makeFixedLiterals() (codes [256]fixedCode) {
	for c := range codes {
		if c < 144 {
			codes[c] = fixedCode{bits.Reverse16(uint16(0x30+c)) >> 8, 8}
		} else {
			codes[c] = fixedCode{bits.Reverse16(uint16(0x190+c-144)) >> 7, 9}
		}
	}
	return codes
}

func makeFixedLengths() (codes [maxMatch + 1]fixedCode) {
	for n := 3; n < maxMatch; n++ {
		symbol, extra := uint16(n-3), uint(0)
		if n >= 11 {
			extra = uint(bits.Len16(uint16(n-3))) - 3
			symbol = 4*uint16(extra) + uint16(n-3)>>extra
		}
		codes[n] = fixedSymbol(257 + symbol)
		codes[n].bits |= uint16(n-3) & (1<<extra - 1) << codes[n].n
		codes[n].n += uint8(extra)
	}
	codes[maxMatch] = fixedSymbol(285)
	return codes
}

// fixedSymbol returns the code of a symbol over 256.
func fixedSymbol(symbol uint16) fixedCode {
	if symbol < 280 {
		return fixedCode{bits.Reverse16(symbol-256) >> 9, 7}
	}
	return fixedCode{bits.Reverse16(0xc0+symbol-280) >> 8, 8}
}

// A bitWriter writes bits, the first one lowest, to fewer than most octets.
type bitWriter struct {
	to   []byte // of most and bitWriterSlack octets
	most int
	at   int
	bits uint64 // that are not yet in to
	n    uint   // how many they are, less than 32
}

// bitWriterSlack is how many octets may be written behind the most.
const bitWriterSlack = 16

// put writes the lowest n bits of x, up to 32. The others are 0.
func (w *bitWriter) put(x uint64, n uint) {
	w.bits |= x << w.n
	w.n += n
	if w.n >= 32 {
		binary.LittleEndian.PutUint32(w.to[w.at:], uint32(w.bits))
		w.at += 4
		w.bits >>= 32
		w.n -= 32
	}
}

// full reports whether so much was written that it is of no use. Two calls of
// put may come before the next look.
func (w *bitWriter) full() bool { return w.at >= w.most }

// end writes the last octet, filled up with zeros, and returns how many there
// are. ok is whether they are fewer than the most.
func (w *bitWriter) end() (n int, ok bool) {
	binary.LittleEndian.PutUint32(w.to[w.at:], uint32(w.bits))
	n = w.at + int(w.n+7)/8
	return n, n < w.most
}

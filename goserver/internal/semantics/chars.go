package semantics

import (
	"encoding/binary"
	"math/bits"
)

// Classes of bytes; a byte may be in several.
const (
	TokenByte   = 1 << iota // tchar, RFC 9110 §5.6.2
	TargetByte              // of a request target, see below
	regNameByte             // unreserved and sub-delims of a reg-name, RFC 3986 §3.2.2
	DigitByte
	HexByte
)

// Classes maps a byte to its Classes.
//
// A request target may hold every visible ASCII byte but "#". That is more
// than RFC 3986 allows, by "<>[\]^`{|} and the quotation mark, which browsers
// leave as they are in paths or queries.
var Classes = func() (t [256]uint8) {
	mark := func(class uint8, set string) {
		for i := range len(set) {
			t[set[i]] |= class
		}
	}
	for c := byte('!'); c <= '~'; c++ {
		if c != '#' {
			t[c] |= TargetByte
		}
	}
	const digits, letters = "0123456789", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	mark(TokenByte, "!#$%&'*+-.^_`|~"+digits+letters)
	mark(regNameByte, "-._~!$&'()*+,;="+digits+letters)
	mark(DigitByte|HexByte, digits)
	mark(HexByte, "abcdefABCDEF")
	return t
}()

// IsToken reports whether b is a token (RFC 9110 §5.6.2).
func IsToken(b []byte) bool {
	for _, c := range b {
		if Classes[c]&TokenByte == 0 {
			return false
		}
	}
	return len(b) > 0
}

// Control returns the index of the first control character (below 0x20, or
// 0x7f) in buf at or after i, or len(buf).
func Control(buf []byte, i int) int {
	const each = 0x0101010101010101
	for ; len(buf)-i >= 8; i += 8 {
		w := binary.LittleEndian.Uint64(buf[i:])
		// The top bit of a byte is set where that byte is below 0x20, or is
		// 0x7f. A borrow can set it falsely, but only above a true one.
		d := w ^ 0x7f*each
		if m := ((w-0x20*each)&^w | (d-each)&^d) & (0x80 * each); m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for ; i < len(buf); i++ {
		if c := buf[i]; c < ' ' || c == 0x7f {
			break
		}
	}
	return i
}

// FoldEqual reports whether b is lower without regard to case. lower is of
// lower case letters, digits and hyphens, and b has no control characters.
func FoldEqual(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i := range len(lower) {
		// Bit 0x20 makes a letter lower case, and only controls turn into a
		// digit or a hyphen by it.
		if b[i]|0x20 != lower[i] {
			return false
		}
	}
	return true
}

// Trim returns b without the spaces and tabs around it (OWS, RFC 9110 §5.6.3).
func Trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b[:len(b):len(b)]
}

// IsScheme reports whether b is a scheme (RFC 3986 §3.1).
func IsScheme(b []byte) bool {
	for i, c := range b {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || Classes[c]&DigitByte == 0 && c != '+' && c != '-' && c != '.') {
			return false
		}
	}
	return len(b) > 0
}

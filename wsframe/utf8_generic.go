package wsframe

import "encoding/binary"

const notASCII = 0x8080808080808080

// utf8PrefixGeneric returns how many octets of p are whole characters, up to the
// first one that is wrong or not whole.
func utf8PrefixGeneric(p []byte) int {
	n := 0
	for {
		n += asciiPrefix(p[n:])
		rest := p[n:]
		k := 0
		for k < len(rest) && rest[k] >= 0x80 {
			size := character(rest[k:])
			if size == 0 {
				return n + k
			}
			k += size
		}
		if k == 0 {
			return n
		}
		n += k
	}
}

// asciiPrefix returns how many octets p starts with that are ASCII.
func asciiPrefix(p []byte) (n int) {
	for ; len(p)-n >= 32; n += 32 {
		q := p[n : n+32 : n+32]
		a, b := binary.LittleEndian.Uint64(q), binary.LittleEndian.Uint64(q[8:])
		c, d := binary.LittleEndian.Uint64(q[16:]), binary.LittleEndian.Uint64(q[24:])
		if (a|b|c|d)&notASCII != 0 {
			break
		}
	}
	for ; len(p)-n >= 8 && binary.LittleEndian.Uint64(p[n:])&notASCII == 0; n += 8 {
	}
	for n < len(p) && p[n] < 0x80 {
		n++
	}
	return n
}

// character returns the length of the character that p starts with, which is
// not ASCII, or 0 if it is wrong or not whole.
func character(p []byte) int {
	c := p[0]
	switch {
	case c < 0xc2:
		return 0
	case c < 0xe0:
		if len(p) >= 2 && tail(p[1]) {
			return 2
		}
	case c < 0xf0:
		if len(p) >= 3 && tail(p[1]) && tail(p[2]) && (c != 0xe0 || p[1] >= 0xa0) && (c != 0xed || p[1] < 0xa0) {
			return 3
		}
	case c < 0xf5:
		if len(p) >= 4 && tail(p[1]) && tail(p[2]) && tail(p[3]) && (c != 0xf0 || p[1] >= 0x90) && (c != 0xf4 || p[1] < 0x90) {
			return 4
		}
	}
	return 0
}

// tail reports whether c is of a character that has begun.
func tail(c byte) bool { return c&0xc0 == 0x80 }

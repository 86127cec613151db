package wsframe

import "unicode/utf8"

// utf8PrefixGeneric returns how many octets of p are whole characters, up to the
// first one that is wrong or not whole.
func utf8PrefixGeneric(p []byte) (n int) {
	if n = len(p) - unfinished(p); utf8.Valid(p[:n]) {
		return n
	}
	for n = 0; n < len(p); {
		r, size := utf8.DecodeRune(p[n:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		n += size
	}
	return n
}

// unfinished returns how many octets p ends with that may be the start of a
// character.
func unfinished(p []byte) int {
	for n := 1; n <= min(len(p), utf8.UTFMax-1); n++ {
		if last := p[len(p)-n:]; utf8.RuneStart(last[0]) {
			if utf8.FullRune(last) {
				return 0
			}
			return n
		}
	}
	return 0
}

package accesslog

import (
	"strconv"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// plain tells, for each ASCII byte, in which formats it stands for itself.
const (
	plainJSON = 1 << iota // inside quotes, in both formats
	plainBare             // in text without quotes
)

var plain = func() (t [utf8.RuneSelf]byte) {
	for c := byte(' '); c < 0x7f; c++ {
		switch c {
		case '"', '\\':
		case ' ', '=':
			t[c] = plainJSON
		default:
			t[c] = plainJSON | plainBare
		}
	}
	return t
}()

// shorten cuts v to maxField bytes, not inside a UTF-8 sequence.
func shorten(v []byte) (_ []byte, cut bool) {
	if len(v) <= maxField {
		return v, false
	}
	n := maxField
	for n > maxField-utf8.UTFMax && !utf8.RuneStart(v[n]) {
		n--
	}
	return v[:n], true
}

// appendJSON appends v as a JSON string (RFC 8259 §7). Bytes that are not
// UTF-8 become U+FFFD; what a terminal would not print is escaped as well.
func appendJSON(b, v []byte, cut bool) []byte {
	return appendQuoted(b, v, cut, JSON)
}

// appendText appends v as a text value: bare when that is unambiguous, else in
// quotes with the escapes of JSON, and \x and two hex digits for a byte that is not UTF-8.
func appendText(b, v []byte, cut bool) []byte {
	if !cut && isBare(v) {
		return append(b, v...)
	}
	return appendQuoted(b, v, cut, Text)
}

// isBare reports whether a text value needs no quotes.
func isBare(v []byte) bool {
	for _, c := range v {
		if c >= utf8.RuneSelf || plain[c]&plainBare == 0 {
			return false
		}
	}
	return len(v) > 0
}

func appendQuoted(b, v []byte, cut bool, f Format) []byte {
	b = append(b, '"')
	for len(v) > 0 {
		n := 0
		for n < len(v) && v[n] < utf8.RuneSelf && plain[v[n]] != 0 {
			n++
		}
		b = append(b, v[:n]...)
		if v = v[n:]; len(v) == 0 {
			break
		}
		r, size := utf8.DecodeRune(v)
		if r == utf8.RuneError && size == 1 {
			b = appendInvalid(b, v[0], f)
		} else {
			b = appendRune(b, r)
		}
		v = v[size:]
	}
	if cut {
		b = append(b, "…"...)
	}
	return append(b, '"')
}

func appendInvalid(b []byte, c byte, f Format) []byte {
	if f == Text {
		return append(b, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
	}
	return append(b, "\ufffd"...)
}

// appendRune appends a rune that is not plain ASCII: itself when it prints.
func appendRune(b []byte, r rune) []byte {
	switch {
	case r == '"' || r == '\\':
		return append(b, '\\', byte(r))
	case r == '\n':
		return append(b, `\n`...)
	case r == '\r':
		return append(b, `\r`...)
	case r == '\t':
		return append(b, `\t`...)
	case strconv.IsPrint(r):
		return utf8.AppendRune(b, r)
	case r > 0xffff: // a surrogate pair, RFC 8259 §7
		r -= 0x10000
		return appendUnit(appendUnit(b, 0xd800+r>>10), 0xdc00+r&0x3ff)
	}
	return appendUnit(b, r)
}

// appendUnit appends the escape of one UTF-16 code unit.
func appendUnit(b []byte, u rune) []byte {
	return append(b, '\\', 'u', hexDigits[u>>12&15], hexDigits[u>>8&15], hexDigits[u>>4&15], hexDigits[u&15])
}

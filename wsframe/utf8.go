package wsframe

// A UTF8 checks text that comes in pieces (RFC 6455 section 8.1). The zero value
// is ready for the first one. It is for one goroutine at a time.
type UTF8 struct {
	need   uint8 // octets that the last character lacks
	lo, hi uint8 // between which the next of them is
}

// Feed takes the next octets of the text, cut anywhere. It returns ErrUTF8 as
// soon as they hold one with which no UTF-8 text can go on; the text is then
// lost, and so is u, until Reset.
func (u *UTF8) Feed(p []byte) error {
	for len(p) > 0 {
		for ; u.need > 0; u.need-- {
			if len(p) == 0 {
				return nil
			}
			if p[0] < u.lo || p[0] > u.hi {
				return ErrUTF8
			}
			u.lo, u.hi = 0x80, 0xbf
			p = p[1:]
		}
		p = p[utf8Prefix(p):]
		if len(p) == 0 {
			return nil
		}
		if !u.begin(p[0]) {
			return ErrUTF8
		}
		p = p[1:]
	}
	return nil
}

// End returns ErrUTF8 if the text ends within a character. It makes u ready for
// the next text.
func (u *UTF8) End() error {
	need := u.need
	*u = UTF8{}
	if need > 0 {
		return ErrUTF8
	}
	return nil
}

// Reset makes u ready for the next text.
func (u *UTF8) Reset() { *u = UTF8{} }

// begin takes the first octet of a character that is not ASCII, and reports
// whether there is one. The ranges are those of RFC 3629 section 4, which
// leave out overlong forms, surrogates and what is over U+10FFFF.
func (u *UTF8) begin(c byte) bool {
	u.lo, u.hi = 0x80, 0xbf
	switch {
	case c >= 0xc2 && c <= 0xdf:
		u.need = 1
	case c >= 0xe0 && c <= 0xef:
		u.need = 2
		switch c {
		case 0xe0:
			u.lo = 0xa0
		case 0xed:
			u.hi = 0x9f
		}
	case c >= 0xf0 && c <= 0xf4:
		u.need = 3
		switch c {
		case 0xf0:
			u.lo = 0x90
		case 0xf4:
			u.hi = 0x8f
		}
	default:
		return false
	}
	return true
}

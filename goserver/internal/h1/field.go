package h1

import (
	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// fieldLine reads the line of a header or trailer section that starts at
// buf[i] into f, whose slices alias buf; the blank line at the section's end
// has no name. It returns the index after the line; 0 without an error means
// that the line is not complete.
//
//	field-line = field-name ":" OWS field-value OWS CRLF
func fieldLine(buf []byte, i int, f *direct.Field) (next int, err error) {
	start := i
	for i < len(buf) && semantics.Classes[buf[i]]&semantics.TokenByte != 0 {
		i++
	}
	if i == len(buf) {
		return 0, nil
	}
	if buf[i] != ':' || i == start {
		return noFieldLine(buf, i, start)
	}
	f.Name = buf[start:i:i]

	i++
	if i < len(buf) && buf[i] == ' ' {
		i++
	}
	start = i
	for i = semantics.Control(buf, i); i < len(buf) && buf[i] == '\t'; {
		i = semantics.Control(buf, i+1)
	}
	if i == len(buf) {
		return 0, nil
	}
	if buf[i] != '\r' || i+1 == len(buf) || buf[i+1] != '\n' {
		return 0, misplaced(buf, i, nil, ErrFieldValue)
	}
	f.Value = buf[start:i:i]
	if n := len(f.Value); n > 0 && (f.Value[0] <= ' ' || f.Value[n-1] <= ' ') {
		f.Value = semantics.Trim(f.Value)
	}
	return i + 2, nil
}

// noFieldLine reads a line that starts at buf[start] and has at buf[i] not the
// colon that ends a field name: the blank line, unless it is an error.
func noFieldLine(buf []byte, i, start int) (next int, err error) {
	switch c := buf[i]; {
	case c == ' ' || c == '\t':
		if i == start {
			return 0, ErrObsFold
		}
		return 0, ErrSpaceBeforeColon
	case i == start && c == '\r' && i+1 < len(buf) && buf[i+1] == '\n':
		return i + 2, nil
	}
	return 0, misplaced(buf, i, ErrNoColon, ErrFieldName)
}

// misplaced names the rule that is broken by buf[i], a byte that may not stand
// where it does: atEnd if the line ends there in due form, one of line ends if
// it ends in another way, and otherwise other. It is nil if that depends on a
// byte that has not come yet.
func misplaced(buf []byte, i int, atEnd, other error) error {
	switch {
	case buf[i] == '\n':
		return ErrBareLF
	case buf[i] != '\r':
		return other
	case i+1 == len(buf):
		return nil
	case buf[i+1] == '\n':
		return atEnd
	}
	return ErrBareCR
}

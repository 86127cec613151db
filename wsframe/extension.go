package wsframe

import "strings"

// ErrExtensionSyntax is a Sec-WebSocket-Extensions field that breaks the grammar
// of RFC 6455 section 9.1. The handshake is to be refused.
var ErrExtensionSyntax = &Error{CloseProtocolError, "malformed Sec-WebSocket-Extensions"}

// An extension is an element of Sec-WebSocket-Extensions, with its parameters.
type extension struct {
	name   string
	params []param
}

type param struct {
	name, value string
	valued      bool // there is a value
}

// maxExtensions is how many elements are read. More are an error: nobody offers
// as many.
const maxExtensions = 32

// maxParams is how many parameters of an element are read.
const maxParams = 16

// parseExtensions reads the values of all Sec-WebSocket-Extensions fields.
func parseExtensions(fields []string) (list []extension, err error) {
	for _, field := range fields {
		p := fieldParser{field}
		for p.skip(','); p.rest != ""; p.skip(',') {
			x, ok := p.extension()
			if !ok || len(list) == maxExtensions {
				return nil, ErrExtensionSyntax
			}
			list = append(list, x)
		}
	}
	return list, nil
}

// A fieldParser reads the value of a field from its start.
type fieldParser struct{ rest string }

// extension reads an element, up to the comma behind it or the end.
func (p *fieldParser) extension() (x extension, ok bool) {
	if x.name = p.token(); x.name == "" {
		return x, false
	}
	for {
		p.space()
		switch {
		case p.rest == "" || p.rest[0] == ',':
			return x, true
		case p.rest[0] != ';' || len(x.params) == maxParams:
			return x, false
		}
		p.rest = p.rest[1:]
		p.space()
		q, ok := p.param()
		if !ok {
			return x, false
		}
		x.params = append(x.params, q)
	}
}

func (p *fieldParser) param() (q param, ok bool) {
	if q.name = p.token(); q.name == "" {
		return q, false
	}
	p.space()
	if !strings.HasPrefix(p.rest, "=") {
		return q, true
	}
	p.rest = p.rest[1:]
	p.space()
	q.valued = true
	if strings.HasPrefix(p.rest, `"`) {
		q.value, ok = p.quoted()
		return q, ok
	}
	q.value = p.token()
	return q, q.value != ""
}

// quoted reads a quoted string. What it holds must be a token (section 9.1).
func (p *fieldParser) quoted() (s string, ok bool) {
	var b strings.Builder
	for i := 1; i < len(p.rest); i++ {
		c := p.rest[i]
		if c == '"' {
			p.rest = p.rest[i+1:]
			return b.String(), b.Len() > 0
		}
		if c == '\\' {
			if i++; i == len(p.rest) {
				break
			}
			c = p.rest[i]
		}
		if !isToken(c) {
			break
		}
		b.WriteByte(c)
	}
	return "", false
}

func (p *fieldParser) token() string {
	n := 0
	for n < len(p.rest) && isToken(p.rest[n]) {
		n++
	}
	s := p.rest[:n]
	p.rest = p.rest[n:]
	return s
}

func (p *fieldParser) space() { p.rest = strings.TrimLeft(p.rest, " \t") }

// skip goes over white space and any number of the separator: elements of a
// list may be empty (RFC 9110 section 5.6.1.2).
func (p *fieldParser) skip(separator byte) {
	for p.space(); p.rest != "" && p.rest[0] == separator; p.space() {
		p.rest = p.rest[1:]
	}
}

// isToken reports whether c may be in a token (RFC 9110 section 5.6.2).
func isToken(c byte) bool {
	switch {
	case c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z':
		return true
	}
	return strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

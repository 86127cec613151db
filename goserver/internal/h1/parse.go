package h1

import (
	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// A Head is a request head: request line and header section. Its slices alias
// the buffer that it was parsed from. It may be used again and again, by one
// goroutine at a time.
type Head struct {
	semantics.Head
	Scheme    []byte  // as sent, in absolute-form; else nil
	Framing   Framing // of the body
	KeepAlive bool    // the client wants the connection to persist (RFC 9112 §9.3)
	Expect100 bool    // the client waits for 100 before it sends the body (RFC 9110 §10.1.1); false on HTTP/1.0 or without a body
	Upgrade   bool    // the client offers other protocols (RFC 9110 §7.8); false on HTTP/1.0
	lineRead  bool    // the request line was complete
	options   options // of all Connection and Expect fields
	known     knownFields
}

// knownFields is what Parse notes of fields that it acts upon.
type knownFields struct {
	host     []byte // first Host
	hosts    int
	upgrades int
	framing  framingFields
}

// Reset makes h empty but keeps room for fields.
func (h *Head) Reset() {
	clear(h.Fields)
	*h = Head{Head: semantics.Head{Fields: h.Fields[:0]}}
}

// Parse reads one request head at the start of buf, in one pass and without
// allocating, unless for a method that is not registered. n is the length of
// the head with its blank line. If it is 0 without an error, buf has only a
// part of a head in which nothing is wrong so far. An error is always an
// *Error; what was read before it stays in h, for the log.
//
// The answer does not depend on how much of the input buf holds: whoever calls
// Parse again as buf grows comes to the same head or the same error.
func (h *Head) Parse(buf []byte, lim *semantics.Limits) (n int, err error) {
	h.Reset()
	if h.Fields == nil {
		h.Fields = make([]direct.Field, 0, 16)
	}
	full := len(buf) >= lim.HeadBytes
	if full {
		buf = buf[:lim.HeadBytes]
	}
	n, err = h.requestLine(buf, lim)
	if n > 0 {
		h.lineRead = true
		n, err = h.headerSection(buf, n, lim)
	}
	if n > 0 {
		err = h.conclude(lim)
	}
	switch {
	case err != nil:
		return 0, err
	case n == 0 && full:
		return 0, semantics.ErrHeadTooLong
	}
	return n, nil
}

// requestLine reads method, target and version, and the empty lines before
// them, and returns the index after them; 0 without an error means that they
// are not complete.
//
//	request-line = method SP request-target SP HTTP-version CRLF
func (h *Head) requestLine(buf []byte, lim *semantics.Limits) (int, error) {
	i, err := emptyLines(buf)
	if err != nil || i == len(buf) {
		return 0, err
	}
	if buf[i] == tlsHandshake {
		return 0, ErrTLSHandshake
	}
	start := i
	for i < len(buf) && semantics.Classes[buf[i]]&semantics.TokenByte != 0 && i-start <= maxMethodBytes {
		i++
	}
	switch {
	case i-start > maxMethodBytes:
		return 0, ErrMethodTooLong
	case i == len(buf):
		return 0, nil
	case buf[i] != ' ' || i == start:
		return 0, misplaced(buf, i, ErrRequestLine, ErrMethod)
	}
	h.Method = methodName(buf[start:i])

	i++
	start = i
	for i < len(buf) && semantics.Classes[buf[i]]&semantics.TargetByte != 0 && i-start <= lim.TargetBytes {
		i++
	}
	switch {
	case i-start > lim.TargetBytes:
		return 0, semantics.ErrTargetTooLong
	case i == len(buf):
		return 0, nil
	case i == start && buf[i] == ' ':
		return 0, ErrRequestLine
	case buf[i] != ' ':
		return 0, misplaced(buf, i, ErrVersionMissing, ErrTarget)
	}
	h.Target = buf[start:i:i]

	if i, err = h.version(buf, i+1); i == 0 {
		return 0, err
	}
	if err := h.splitTarget(); err != nil {
		return 0, err
	}
	return i, nil
}

// tlsHandshake is the first byte of a TLS ClientHello (RFC 8446 §5.1). No
// request line starts with it.
const tlsHandshake = 0x16

// emptyLines returns the index after the empty lines at the start of buf, or
// len(buf) if one of them is not complete. A server should ignore at least one
// (RFC 9112 §2.2).
func emptyLines(buf []byte) (i int, err error) {
	for range maxEmptyLines + 1 {
		switch {
		case i == len(buf) || buf[i] != '\r' && buf[i] != '\n':
			return i, nil
		case buf[i] == '\n':
			return 0, ErrBareLF
		case i+1 == len(buf):
			return len(buf), nil
		case buf[i+1] != '\n':
			return 0, ErrBareCR
		}
		i += 2
	}
	return 0, ErrEmptyLines
}

// version reads the version at buf[i] and the end of the line, and returns the
// index after it; 0 without an error means that it is not complete.
//
//	HTTP-version = %s"HTTP" "/" DIGIT "." DIGIT
func (h *Head) version(buf []byte, i int) (int, error) {
	const common = "HTTP/1.1\r\n"
	if len(buf)-i >= len(common) && string(buf[i:i+len(common)]) == common {
		h.Major, h.Minor = 1, 1
		return i + len(common), nil
	}
	const form = "HTTP/0.0" // 0 is any digit
	for k := range len(form) {
		if i+k == len(buf) {
			return 0, nil
		}
		c := buf[i+k]
		if form[k] == '0' && semantics.Classes[c]&semantics.DigitByte != 0 {
			c = '0'
		}
		if c != form[k] {
			return 0, misplaced(buf, i+k, ErrVersionSyntax, ErrVersionSyntax)
		}
	}
	h.Major, h.Minor = int(buf[i+5]-'0'), int(buf[i+7]-'0')
	i += len(form)
	switch {
	case i == len(buf):
		return 0, nil
	case buf[i] != '\r' || i+1 == len(buf) || buf[i+1] != '\n':
		return 0, misplaced(buf, i, nil, ErrVersionSyntax)
	case h.Major != 1:
		return 0, ErrVersion
	}
	return i + 2, nil
}

// headerSection reads field lines from buf[i] to the blank line, and returns
// the index after it; 0 without an error means that it is not complete.
func (h *Head) headerSection(buf []byte, i int, lim *semantics.Limits) (int, error) {
	if i < len(buf) && (buf[i] == ' ' || buf[i] == '\t') {
		return 0, ErrSpaceBeforeField
	}
	for i < len(buf) {
		var f direct.Field
		next, err := fieldLine(buf, i, &f)
		switch {
		case next == 0:
			return 0, err
		case f.Name == nil:
			return next, nil
		case len(h.Fields) == lim.Fields:
			return 0, semantics.ErrTooManyFields
		}
		h.Fields = append(h.Fields, f)
		h.note(f)
		i = next
	}
	return 0, nil
}

// note keeps what conclude needs of a field.
func (h *Head) note(f direct.Field) {
	k := &h.known
	switch len(f.Name) {
	case len("host"):
		if semantics.FoldEqual(f.Name, "host") {
			if k.hosts == 0 {
				k.host = f.Value
			}
			k.hosts++
		}
	case len("expect"):
		if semantics.FoldEqual(f.Name, "expect") {
			h.options |= expectations(f.Value)
		}
	case len("upgrade"):
		if semantics.FoldEqual(f.Name, "upgrade") {
			k.upgrades++
		}
	case len("connection"):
		if semantics.FoldEqual(f.Name, "connection") {
			h.options |= connectionOptions(f.Value)
		}
	case len("content-length"):
		if semantics.FoldEqual(f.Name, "content-length") {
			k.framing.lengths++
			k.framing.length = f.Value
		}
	case len("transfer-encoding"):
		if semantics.FoldEqual(f.Name, "transfer-encoding") {
			k.framing.codings++
			k.framing.coding = f.Value
		}
	}
}

// conclude judges the head as a whole.
func (h *Head) conclude(lim *semantics.Limits) (err error) {
	k := &h.known
	if h.Host, err = effectiveHost(h.Host, k.host, k.hosts, h.Minor); err != nil {
		return err
	}
	k.framing.minor = h.Minor
	if h.Framing, err = decideFraming(&k.framing, lim.BodyBytes); err != nil {
		return err
	}
	h.KeepAlive = h.options.keepAlive(h.Minor)
	if h.Minor == 0 {
		return nil // RFC 9110 §7.8 and §10.1.1: both fields are ignored
	}
	if h.options&expectOther != 0 {
		return semantics.ErrExpectation
	}
	h.Expect100 = h.options&expectContinue != 0 && !h.Framing.Empty()
	h.Upgrade = h.options&optionUpgrade != 0 && k.upgrades > 0
	return nil
}

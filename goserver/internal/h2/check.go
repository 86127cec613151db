package h2

import (
	"bytes"
	"net/http"

	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
	"github.com/hyperion-server/hyperion/hpack"
)

// A malformedError is a rule of RFC 9113 §8 that a request broke: a stream
// error PROTOCOL_ERROR (§8.1.1). Each rule is one variable, to be compared by
// identity.
type malformedError struct{ rule string }

func (e *malformedError) Error() string { return "http2: malformed request: " + e.rule }

func malformed(rule string) *malformedError { return &malformedError{rule} }

// Rules of requests.
var (
	errPseudoUnknown   = malformed("unknown pseudo-header field (RFC 9113 §8.3)")
	errPseudoRepeated  = malformed("pseudo-header field is repeated (RFC 9113 §8.3)")
	errPseudoLate      = malformed("pseudo-header field behind a field (RFC 9113 §8.3)")
	errPseudoTrailer   = malformed("pseudo-header field in a trailer section (RFC 9113 §8.1)")
	errMethodMissing   = malformed("no :method (RFC 9113 §8.3.1)")
	errSchemeMissing   = malformed("no :scheme (RFC 9113 §8.3.1)")
	errPathMissing     = malformed("no :path, or an empty one (RFC 9113 §8.3.1)")
	errMethod          = malformed(":method is not a token (RFC 9110 §9.1)")
	errScheme          = malformed(":scheme is not a scheme (RFC 3986 §3.1)")
	errPath            = malformed(":path is neither a path with or without a query, nor * of OPTIONS (RFC 9113 §8.3.1)")
	errAuthority       = malformed(":authority is not a host and port (RFC 9113 §8.3.1)")
	errAuthorityNone   = malformed("neither :authority nor Host (RFC 9113 §8.3.1)")
	errHost            = malformed("Host is not a host and port, or is repeated (RFC 9110 §7.2)")
	errHostDiffers     = malformed("Host differs from :authority (RFC 9113 §8.3.1)")
	errConnect         = malformed("CONNECT needs :authority with a port, and neither :scheme nor :path (RFC 9113 §8.5)")
	errProtocol        = malformed(":protocol of another method than CONNECT (RFC 8441 §4)")
	errFieldName       = malformed("field name is not a token in lower case (RFC 9113 §8.2.1)")
	errFieldValue      = malformed("field value holds a control character, or white space around it (RFC 9113 §8.2.1)")
	errConnectionField = malformed("field of the connection (RFC 9113 §8.2.2)")
	errTE              = malformed("TE says other than trailers (RFC 9113 §8.2.2)")
	errLengthField     = malformed("Content-Length is not one decimal number (RFC 9110 §8.6)")
	errLengthDiffers   = malformed("Content-Length differs from the content (RFC 9113 §8.1.1)")
	errTrailerOpen     = malformed("trailer section does not end the stream (RFC 9113 §8.1)")
	errDependsOnItself = malformed("stream depends on itself (RFC 7540 §5.3.1)")
)

// A head is what a request head says. The slices of Fields are its own, what
// they hold belongs to the arena of the decoder.
type head struct {
	semantics.Head
	length    int64  // Content-Length; -1: none
	priority  []byte // value of the Priority field, or nil
	continues bool   // Expect: 100-continue
	cookies   int    // fields that are crumbs of one Cookie (RFC 9113 §8.2.3)
	trailer   bool   // there is a Trailer field
	connect   bool   // an extended CONNECT (RFC 8441 §4); Method is GET, as it would be on HTTP/1.1
}

// pseudoHeaders are the fields in front of a request's (RFC 9113 §8.3.1, RFC 8441 §4).
type pseudoHeaders struct{ method, scheme, authority, path, protocol []byte }

// errProtocolUnknown refuses an extended CONNECT to a protocol that is not spoken.
var errProtocolUnknown = semantics.Rule(http.StatusNotImplemented, "RFC 8441 §4", ":protocol is not websocket")

// check fills h from the field lines of a request, and finds what is wrong with
// them: a *malformedError, or a *semantics.Error for what has a response of its
// own. It is the only place where that is decided. h.Fields is reused. extended says that
// the peer was offered extended CONNECT.
func (h *head) check(fields []hpack.HeaderField, lim *semantics.Limits, extended bool) error {
	*h = head{Head: semantics.Head{Major: 2, Fields: h.Fields[:0]}, length: -1}
	var p pseudoHeaders
	n := 0
	for n < len(fields) && len(fields[n].Name) > 0 && fields[n].Name[0] == ':' {
		if err := p.take(&fields[n], extended); err != nil {
			return err
		}
		n++
	}
	var f fieldFacts
	var limit error
	for i := n; i < len(fields); i++ {
		if err := checkField(&fields[i]); err != nil {
			return err
		}
		if err := f.note(h, &fields[i], lim); err != nil {
			if e, ok := err.(*malformedError); ok {
				return e
			}
			limit = err
		}
	}
	if err := h.take(&p, &f); err != nil {
		return err
	}
	switch {
	case limit != nil:
		return limit
	case len(h.Target) > lim.TargetBytes:
		return semantics.ErrTargetTooLong
	case len(fields)-n-max(0, h.cookies-1) > lim.Fields:
		return semantics.ErrTooManyFields
	}
	return nil
}

// take notes a pseudo-header field.
func (p *pseudoHeaders) take(f *hpack.HeaderField, extended bool) error {
	var dst *[]byte
	switch string(f.Name) {
	case ":protocol":
		if !extended {
			return errPseudoUnknown
		}
		dst = &p.protocol
	case ":method":
		dst = &p.method
	case ":scheme":
		dst = &p.scheme
	case ":authority":
		dst = &p.authority
	case ":path":
		dst = &p.path
	default:
		return errPseudoUnknown
	}
	if *dst != nil {
		return errPseudoRepeated
	}
	if *dst = f.Value; *dst == nil {
		*dst = []byte{}
	}
	return nil
}

// nameBytes are those of a field name in lower case.
var nameBytes = func() (t [256]bool) {
	for c := range t {
		t[c] = semantics.Classes[c]&semantics.TokenByte != 0 && (c < 'A' || c > 'Z')
	}
	return t
}()

// checkField checks name and value of a field that is no pseudo-header field
// (RFC 9113 §8.2.1, §8.2.2).
func checkField(f *hpack.HeaderField) error {
	if len(f.Name) == 0 {
		return errFieldName
	}
	if f.Name[0] == ':' {
		return errPseudoLate
	}
	for _, c := range f.Name {
		if !nameBytes[c] {
			return errFieldName
		}
	}
	v := f.Value
	for i := semantics.Control(v, 0); i < len(v); i = semantics.Control(v, i+1) {
		if v[i] != '\t' {
			return errFieldValue
		}
	}
	if n := len(v); n > 0 && (v[0] == ' ' || v[0] == '\t' || v[n-1] == ' ' || v[n-1] == '\t') {
		return errFieldValue
	}
	switch string(f.Name) {
	case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade":
		return errConnectionField
	case "te":
		if string(v) != "trailers" {
			return errTE
		}
	}
	return nil
}

// fieldFacts are what the fields say that matters to the engine.
type fieldFacts struct {
	host  []byte
	hosts int
}

// note takes what a field says, and adds it to h.Fields.
func (f *fieldFacts) note(h *head, field *hpack.HeaderField, lim *semantics.Limits) error {
	v := field.Value
	var err error
	switch string(field.Name) {
	case "host":
		f.host = v
		f.hosts++
	case "content-length":
		n, e := semantics.ParseLength(v)
		if e == semantics.ErrLengthOverflow {
			err = e
		} else if e != nil || h.length >= 0 {
			return errLengthField
		}
		if h.length = n; lim.BodyBytes >= 0 && n > lim.BodyBytes {
			err = semantics.ErrBodyTooLarge
		}
	case "expect":
		continues, other := semantics.Expectations(v)
		h.continues = h.continues || continues
		if other {
			err = semantics.ErrExpectation
		}
	case "priority":
		h.priority = v
	case "cookie":
		h.cookies++
	case "trailer":
		h.trailer = true
	}
	h.Fields = append(h.Fields, directField(field))
	return err
}

// take fills what h says of its target.
func (h *head) take(p *pseudoHeaders, f *fieldFacts) error {
	if p.method == nil {
		return errMethodMissing
	}
	if !semantics.IsToken(p.method) {
		return errMethod
	}
	h.Method = methodName(p.method)
	if err := h.takeHost(p, f); err != nil {
		return err
	}
	if h.Method == "CONNECT" && p.protocol == nil {
		_, port, _ := semantics.SplitHost(p.authority)
		if len(port) == 0 || p.scheme != nil || p.path != nil {
			return errConnect
		}
		h.Form, h.Target = semantics.AuthorityForm, p.authority
		return nil
	}
	switch {
	case h.Method != "CONNECT" && p.protocol != nil:
		return errProtocol
	case p.scheme == nil:
		return errSchemeMissing
	case !semantics.IsScheme(p.scheme):
		return errScheme
	case len(p.path) == 0:
		return errPathMissing
	}
	if err := h.takePath(p.path); err != nil || p.protocol == nil {
		return err
	}
	h.Method, h.connect, h.length = "GET", true, -1
	if string(p.protocol) != websocket {
		return errProtocolUnknown
	}
	return nil
}

func (h *head) takeHost(p *pseudoHeaders, f *fieldFacts) error {
	if p.authority != nil {
		if host, _, ok := semantics.SplitHost(p.authority); !ok || len(host) == 0 {
			return errAuthority
		}
	}
	if f.hosts > 1 {
		return errHost
	}
	if f.hosts == 1 {
		if host, _, ok := semantics.SplitHost(f.host); !ok || len(host) == 0 {
			return errHost
		}
	}
	switch {
	case p.authority == nil && f.hosts == 0:
		return errAuthorityNone
	case p.authority == nil:
		h.Host = f.host
	case f.hosts == 1 && !bytes.EqualFold(p.authority, f.host):
		return errHostDiffers
	default:
		h.Host = p.authority
	}
	return nil
}

func (h *head) takePath(path []byte) error {
	for _, c := range path {
		if semantics.Classes[c]&semantics.TargetByte == 0 {
			return errPath
		}
	}
	h.Target = path
	switch {
	case path[0] == '/':
		h.Form = semantics.OriginForm
		h.SplitPath(path)
	case len(path) == 1 && path[0] == '*' && h.Method == "OPTIONS":
		h.Form, h.Path = semantics.AsteriskForm, path
	default:
		return errPath
	}
	return nil
}

// checkTrailers checks a trailer section (RFC 9113 §8.1).
func checkTrailers(fields []hpack.HeaderField, lim *semantics.Limits) error {
	for i := range fields {
		if err := checkField(&fields[i]); err == errPseudoLate {
			return errPseudoTrailer
		} else if err != nil {
			return err
		}
	}
	return nil
}

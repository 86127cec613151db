package h1

import "bytes"

// TargetForm is the form of a request target (RFC 9112 §3.2).
type TargetForm uint8

// The forms of a request target.
const (
	OriginForm    TargetForm = iota // "/path?query"
	AbsoluteForm                    // "http://host/path?query", as to a proxy
	AuthorityForm                   // "host:port", of CONNECT
	AsteriskForm                    // "*", of OPTIONS
)

// splitTarget fills what h says of its target, by form.
func (h *Head) splitTarget() error {
	t := h.Target
	switch {
	case h.Method == "CONNECT":
		h.Form, h.Host = AuthorityForm, t
		host, port, ok := splitHost(t)
		if !ok || len(host) == 0 || len(port) == 0 {
			return ErrAuthorityForm
		}
	case t[0] == '/':
		h.Form = OriginForm
		h.splitPath(t)
	case len(t) == 1 && t[0] == '*':
		h.Form, h.Path = AsteriskForm, t
		if h.Method != "OPTIONS" {
			return ErrAsteriskForm
		}
	default:
		return h.splitAbsolute(t)
	}
	return nil
}

// splitPath splits a path with or without a query at the first "?".
func (h *Head) splitPath(t []byte) {
	if q := bytes.IndexByte(t, '?'); q >= 0 {
		h.Path, h.Query = t[:q:q], t[q+1:]
	} else {
		h.Path = t
	}
}

var rootPath = []byte("/") // of an absolute URI that has no path; never written to

// splitAbsolute splits an http or https URI (RFC 9110 §4.2). User information
// before the host is refused: it serves to disguise the host (§4.2.4).
func (h *Head) splitAbsolute(t []byte) error {
	h.Form = AbsoluteForm
	scheme, rest, ok := bytes.Cut(t, []byte("://"))
	if !ok || !isScheme(scheme) {
		return ErrTargetForm
	}
	if !foldEqual(scheme, "http") && !foldEqual(scheme, "https") {
		return ErrTargetScheme
	}
	h.Scheme = scheme[:len(scheme):len(scheme)]
	end := bytes.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	h.Host = rest[:end:end]
	host, _, ok := splitHost(h.Host)
	if !ok || len(host) == 0 {
		return ErrTargetAuthority
	}
	h.splitPath(rest[end:])
	if len(h.Path) == 0 {
		h.Path = rootPath
	}
	return nil
}

// isScheme reports whether b is a scheme (RFC 3986 §3.1).
func isScheme(b []byte) bool {
	for i, c := range b {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || classes[c]&digitByte == 0 && c != '+' && c != '-' && c != '.') {
			return false
		}
	}
	return len(b) > 0
}

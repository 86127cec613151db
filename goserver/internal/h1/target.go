package h1

import (
	"bytes"

	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// splitTarget fills what h says of its target, by form.
func (h *Head) splitTarget() error {
	t := h.Target
	switch {
	case h.Method == "CONNECT":
		h.Form, h.Host = semantics.AuthorityForm, t
		host, port, ok := semantics.SplitHost(t)
		if !ok || len(host) == 0 || len(port) == 0 {
			return ErrAuthorityForm
		}
	case t[0] == '/':
		h.Form = semantics.OriginForm
		h.SplitPath(t)
	case len(t) == 1 && t[0] == '*':
		h.Form, h.Path = semantics.AsteriskForm, t
		if h.Method != "OPTIONS" {
			return ErrAsteriskForm
		}
	default:
		return h.splitAbsolute(t)
	}
	return nil
}

var rootPath = []byte("/") // of an absolute URI that has no path; never written to

// splitAbsolute splits an http or https URI (RFC 9110 §4.2). User information
// before the host is refused: it serves to disguise the host (§4.2.4).
func (h *Head) splitAbsolute(t []byte) error {
	h.Form = semantics.AbsoluteForm
	scheme, rest, ok := bytes.Cut(t, []byte("://"))
	if !ok || !semantics.IsScheme(scheme) {
		return ErrTargetForm
	}
	if !semantics.FoldEqual(scheme, "http") && !semantics.FoldEqual(scheme, "https") {
		return ErrTargetScheme
	}
	h.Scheme = scheme[:len(scheme):len(scheme)]
	end := bytes.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	h.Host = rest[:end:end]
	host, _, ok := semantics.SplitHost(h.Host)
	if !ok || len(host) == 0 {
		return ErrTargetAuthority
	}
	h.SplitPath(rest[end:])
	if len(h.Path) == 0 {
		h.Path = rootPath
	}
	return nil
}

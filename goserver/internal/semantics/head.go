package semantics

import (
	"bytes"
	"net/netip"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/access"
	"github.com/hyperion-server/hyperion/goserver/internal/direct"
)

// TargetForm is the form of a request target (RFC 9112 §3.2).
type TargetForm uint8

// The forms of a request target. HTTP/2 has all but AbsoluteForm: its :path is
// the target, and for CONNECT its :authority (RFC 9113 §8.3.1).
const (
	OriginForm    TargetForm = iota // "/path?query"
	AbsoluteForm                    // "http://host/path?query", as to a proxy
	AuthorityForm                   // "host:port", of CONNECT
	AsteriskForm                    // "*", of OPTIONS
)

// A Head is what a request head says in every version. Its slices belong to the
// parser and live as long as its buffer.
type Head struct {
	Method string         // a constant for registered methods, else a copy
	Target []byte         // as sent
	Form   TargetForm     // of Target
	Path   []byte         // as sent; "/" for an absolute URI without one, "*" in asterisk-form, nil in authority-form
	Query  []byte         // as sent, after the first "?"; nil if there is none
	Host   []byte         // with the port: of the target or :authority, else of the Host field; may be empty
	Major  int            // version
	Minor  int            // as sent; above 1 means the same as 1 (RFC 9110 §2.5)
	Fields []direct.Field // in order, Host included where it was sent, without pseudo-header fields
}

// SplitPath fills Path and Query from a path with or without a query, which it
// splits at the first "?".
func (h *Head) SplitPath(t []byte) {
	if q := bytes.IndexByte(t, '?'); q >= 0 {
		h.Path, h.Query = t[:q:q], t[q+1:]
	} else {
		h.Path = t
	}
}

// Proto returns the version's name in Go: that of http.Request.Proto.
func (h *Head) Proto() string {
	switch {
	case h.Major == 2:
		return "HTTP/2.0"
	case h.Minor == 0:
		return "HTTP/1.0"
	}
	return "HTTP/1.1"
}

// Describe shows the head to the direct routes, without a body.
func (h *Head) Describe(q *direct.Request, remote netip.AddrPort, tls bool) {
	q.Method, q.Path, q.Query, q.Host = h.Method, h.Path, h.Query, h.Host
	q.Fields, q.Minor, q.Remote, q.TLS = h.Fields, h.Minor, remote, tls
}

// BeginRecord starts the record of the request, whose head is complete now.
func (h *Head) BeginRecord(rec *access.Record, remote netip.AddrPort) {
	*rec = access.Record{
		Start: time.Now(), Remote: remote, Method: h.Method,
		Path: h.Path, Query: h.Query, Host: h.Host, Proto: h.Proto(),
	}
	if h.Form == AuthorityForm {
		rec.Path = h.Target
	}
	for i := range h.Fields {
		switch f := &h.Fields[i]; len(f.Name) {
		case len("referer"):
			setIf(&rec.Referer, f, "referer")
		case len("user-agent"):
			setIf(&rec.UserAgent, f, "user-agent")
		case len("x-request-id"):
			setIf(&rec.RequestID, f, "x-request-id")
		}
	}
}

func setIf(dst *[]byte, f *direct.Field, name string) {
	if FoldEqual(f.Name, name) {
		*dst = f.Value
	}
}

// BeginRefused starts the record of a request whose head broke a rule: what of
// it was read before stands in it.
func (h *Head) BeginRefused(rec *access.Record, remote netip.AddrPort) {
	*rec = access.Record{Start: time.Now(), Remote: remote, Method: "-", Proto: "-"}
	if h.Method != "" {
		rec.Method, rec.Path = h.Method, h.Target
	}
}

// StatusClientGone is logged when the peer went away before the response left.
const StatusClientGone = 499

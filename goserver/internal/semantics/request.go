package semantics

import (
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"github.com/hyperion-server/hyperion/goserver/internal/direct"
)

// A Request is the http.Request of one exchange with what belongs to it: for an
// engine to embed, so that both are one allocation. It is never recycled, since
// handlers keep parts of it.
type Request struct {
	HTTP http.Request
	Ctx  Context
	url  url.URL
}

var blank http.Request

// Fill makes the http.Request that h describes, of a client on c, and returns
// it. Nothing of it aliases h. Body, ContentLength, TransferEncoding, Trailer and
// Close are the engine's to set. It fails with ErrTargetURL.
func (x *Request) Fill(cfg *Config, c *Conn, h *Head, client Watcher) (*http.Request, *Error) {
	x.Ctx = Context{parent: c.Context, server: cfg.ServerValue, local: c.Local, client: client}
	x.HTTP = *blank.WithContext(&x.Ctx) // nothing else sets the context
	r := &x.HTTP
	t := newTexts(h)
	r.Method, r.RequestURI, r.Host = h.Method, t.take(h.Target), t.take(h.Host)
	r.Proto, r.ProtoMajor, r.ProtoMinor = h.Proto(), h.Major, min(h.Minor, 1)
	r.RemoteAddr, r.TLS = c.Remote, c.TLS
	r.URL = &x.url
	if parseTarget(r, h) != nil {
		return nil, ErrTargetURL
	}
	r.Header = t.header(h.Fields)
	fixPragma(r.Header)
	return r, nil
}

// AnnounceTrailers moves the names that the Trailer field announces to
// r.Trailer (RFC 9110 §6.6.2): for requests whose content may have trailers.
func AnnounceTrailers(r *http.Request) {
	for _, v := range r.Header["Trailer"] {
		for name := range strings.SplitSeq(v, ",") {
			switch name = http.CanonicalHeaderKey(textproto.TrimString(name)); name {
			case "", "Transfer-Encoding", "Trailer", "Content-Length":
			default:
				if r.Trailer == nil {
					r.Trailer = make(http.Header)
				}
				r.Trailer[name] = nil
			}
		}
	}
	delete(r.Header, "Trailer")
}

// AddTrailers adds a trailer section to a request's Trailer, which holds the
// announced names already.
func AddTrailers(trailer *http.Header, fields []direct.Field) {
	for _, f := range fields {
		if *trailer == nil {
			*trailer = make(http.Header)
		}
		trailer.Add(string(f.Name), string(f.Value))
	}
}

// parseTarget fills r.URL. Most targets are a plain path, for which url's
// parser would come to the same without looking.
func parseTarget(r *http.Request, h *Head) error {
	target := r.RequestURI
	if h.Form == OriginForm && plainPath(h.Path) {
		r.URL.Path = target[:len(h.Path)]
		if len(h.Path) < len(target) {
			r.URL.RawQuery = target[len(h.Path)+1:]
			r.URL.ForceQuery = r.URL.RawQuery == ""
		}
		return nil
	}
	if h.Form == AuthorityForm {
		target = "http://" + target
	}
	u, err := url.ParseRequestURI(target)
	if err != nil {
		return err
	}
	*r.URL = *u
	if h.Form == AuthorityForm {
		r.URL.Scheme = ""
	}
	return nil
}

// plainPath reports whether a path decodes to itself and is written in the one
// way that url would write it.
func plainPath(p []byte) bool {
	for _, c := range p {
		if !plainPathByte[c] {
			return false
		}
	}
	return true
}

var plainPathByte = func() (t [256]bool) {
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~$&+,/:;=@") {
		t[c] = true
	}
	return t
}()

// fixPragma gives a request that says only "Pragma: no-cache" the modern form
// (RFC 9111 §5.4), as net/http does.
func fixPragma(h http.Header) {
	if hp, ok := h["Pragma"]; ok && len(hp) > 0 && hp[0] == "no-cache" {
		if _, ok := h["Cache-Control"]; !ok {
			h["Cache-Control"] = []string{"no-cache"}
		}
	}
}

// texts turns slices of a head into strings that share one allocation.
type texts struct{ all string }

func newTexts(h *Head) texts {
	n := len(h.Target) + len(h.Host)
	for i := range h.Fields {
		n += len(h.Fields[i].Name) + len(h.Fields[i].Value)
	}
	var b strings.Builder
	b.Grow(n)
	b.Write(h.Target)
	b.Write(h.Host)
	for i := range h.Fields {
		b.Write(h.Fields[i].Name)
		b.Write(h.Fields[i].Value)
	}
	return texts{b.String()}
}

// take returns the next piece, which must be b: pieces come in the order of newTexts.
func (t *texts) take(b []byte) string {
	s := t.all[:len(b)]
	t.all = t.all[len(b):]
	return s
}

// header makes the http.Header of the fields, without Host, which net/http
// keeps apart. The slices of single values share one array.
func (t *texts) header(fields []direct.Field) http.Header {
	n := max(0, len(fields)-1) // one of them is Host
	h := make(http.Header, n)
	values := make([]string, 0, n)
	for i := range fields {
		name := canonical(t.take(fields[i].Name))
		value := t.take(fields[i].Value)
		if name == "Host" {
			continue
		}
		if old, ok := h[name]; ok {
			h[name] = append(old, value)
			continue
		}
		at := len(values)
		values = append(values, value)
		h[name] = values[at : at+1 : at+1]
	}
	return h
}

// canonical returns the canonical form of a field name, which is the name
// itself in most requests.
func canonical(name string) string {
	upper := true
	for i := range len(name) {
		c := name[i]
		if upper && 'a' <= c && c <= 'z' || !upper && 'A' <= c && c <= 'Z' {
			return textproto.CanonicalMIMEHeaderKey(name)
		}
		upper = c == '-'
	}
	return name
}

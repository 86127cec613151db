package h1

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/goserver/internal/netio"
)

// connState is what a connection keeps for http.Handlers while it is parked.
type connState struct {
	ctx    context.Context // of its requests
	remote string
	local  net.Addr
	tls    *tls.ConnectionState
}

// SetContext sets the context that the requests of c derive from. It must be
// called before c is served; connections without one have the background context.
func SetContext(c netio.Conn, ctx context.Context) { c.SetState(&connState{ctx: ctx}) }

func (s *session) connState() *connState {
	st, ok := s.conn.State().(*connState)
	if ok && st.local != nil {
		return st
	}
	if !ok {
		st = &connState{ctx: context.Background()}
	}
	st.local = s.conn.LocalAddr()
	if a := s.conn.Remote(); a.IsValid() {
		st.remote = a.String()
	} else if a := s.conn.RemoteAddr(); a != nil {
		st.remote = a.String()
	}
	s.conn.SetState(st)
	return st
}

// An exchange is all that one request of an http.Handler needs: one
// allocation, never recycled, since handlers keep parts of it.
type exchange struct {
	response
	req  http.Request
	ctx  requestContext
	body *body // nil when the request has none
	url  url.URL
}

var blank http.Request

// newExchange builds the request that the parsed head describes. It fails for a
// target that is not a URL.
func (s *session) newExchange() (*exchange, *http.Request, error) {
	h, st := &s.head, s.connState()
	x := new(exchange)
	x.ctx = requestContext{parent: st.ctx, server: s.cfg.ServerValue, local: st.local, conn: s.conn}
	x.req = *blank.WithContext(&x.ctx) // nothing else sets the context
	r := &x.req

	t := newTexts(h)
	r.Method, r.RequestURI, r.Host = h.Method, t.take(h.Target), t.take(h.Host)
	r.Proto, r.ProtoMajor, r.ProtoMinor = protoName(h.Minor), 1, min(h.Minor, 1)
	r.RemoteAddr, r.TLS = st.remote, st.tls
	r.Close = !h.KeepAlive
	r.URL = &x.url
	if err := parseTarget(r, h); err != nil {
		return nil, nil, err
	}
	r.Header = t.header(h.Fields)
	fixPragma(r.Header)
	s.attachBody(x, r)
	x.s, x.x, x.cfg, x.contentLength = s, x, s.cfg, -1
	x.head, x.minor = h.Method == "HEAD", r.ProtoMinor
	return x, r, nil
}

// attachBody gives the request its body, length and announced trailers.
func (s *session) attachBody(x *exchange, r *http.Request) {
	h := &s.head
	if h.Framing.Empty() {
		r.Body = http.NoBody
		return
	}
	x.body = new(body)
	x.body.begin(s)
	if h.Expect100 {
		x.body.cont = x.sendContinue
	}
	r.Body = x.body
	r.ContentLength = h.Framing.Length
	if h.Framing.Kind != ChunkedCoding {
		return
	}
	r.ContentLength = -1
	r.TransferEncoding = []string{"chunked"}
	delete(r.Header, "Transfer-Encoding")
	x.body.trailer = &r.Trailer
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

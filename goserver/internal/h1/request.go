package h1

import (
	"net/http"

	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// An exchange is all that one request of an http.Handler needs: one
// allocation, never recycled, since handlers keep parts of it.
type exchange struct {
	response
	semantics.Request
	body *body // nil when the request has none
}

// newExchange builds the request that the parsed head describes. It fails for a
// target that is not a URL.
func (s *Session) newExchange() (*exchange, *http.Request, *semantics.Error) {
	h := &s.head
	x := new(exchange)
	r, err := x.Fill(s.cfg, semantics.ConnOf(s.conn), &h.Head, s.conn)
	if err != nil {
		return nil, nil, err
	}
	r.Close = !h.KeepAlive
	s.attachBody(x, r)
	x.s, x.x, x.cfg, x.Length = s, x, s.cfg, -1
	x.Head, x.minor = h.Method == "HEAD", r.ProtoMinor
	return x, r, nil
}

// attachBody gives the request its body, length and announced trailers.
func (s *Session) attachBody(x *exchange, r *http.Request) {
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
	semantics.AnnounceTrailers(r)
}

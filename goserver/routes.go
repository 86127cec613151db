package goserver

import (
	"strings"

	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/pagecache"
)

// HandleStatic answers a method and an exact path with bytes that are prebuilt
// here, once: pattern is "GET /health", say, and HEAD comes with GET. The path
// is exact, also when it ends with a slash. The
// response has status 200, the body (copied) and the Content-Type given; Date
// and Connection are the connection's. Unknown methods, malformed patterns and
// duplicates are errors. It may be called while the server runs.
func (s *Server) HandleStatic(pattern string, body []byte, contentType string) error {
	page, err := pagecache.Build(200, []pagecache.Field{{Name: "Content-Type", Value: contentType}}, body)
	if err != nil {
		return err
	}
	if strings.HasSuffix(pattern, "/") {
		pattern += "{$}" // the path is exact here, where ServeMux means a subtree
	}
	return s.routes.HandlePage(pattern, page)
}

// Handle answers requests that match pattern, in the syntax of http.ServeMux,
// with h, before the Handler is asked, which also gets the methods that no direct
// route takes (a Server without a Handler answers them with 405). It allocates nothing for a
// request. Exact paths win over patterns with wildcards, and among those the
// most specific. While h runs, answers to requests that were pipelined before this
// one may wait for it, unless it waits for its body: an h that blocks for long is
// better an http.Handler. Unknown methods, malformed, duplicate or conflicting
// patterns are errors. It may be called while the server runs.
func (s *Server) Handle(pattern string, h Handler) error {
	if h == nil {
		return s.routes.Handle(pattern, nil) // which it refuses
	}
	return s.routes.Handle(pattern, func(c *direct.Ctx) { h((*Ctx)(c)) })
}

// Stats returns the server's counts; it may be called at any time.
func (s *Server) Stats() Stats {
	s.start()
	c := &s.cfg.Counters
	requests, in, out := c.Totals()
	t := s.engine.TLSTotals()
	return Stats{
		Conns: s.engine.Conns(), Parked: s.engine.Parked(), Accepted: s.engine.Accepted(),
		InFlight: c.InFlight.Load(), Requests: requests, BytesIn: in, BytesOut: out,
		BadRequests: c.Refused.Load(), TimedOut: c.TimedOut.Load(), Shed: c.Shed.Load(),
		Handshakes: t.Handshakes, Resumed: t.Resumed, TLSFailed: t.Failed, TLSRefused: t.Refused, KernelTLS: t.Kernel,
		Streams: s.http2.Streams(), StreamsRefused: s.http2.StreamsRefused(),
		FileResponses: fileResponses(c),
	}
}

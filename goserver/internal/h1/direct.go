package h1

import (
	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/goserver/internal/netio"
	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// serveDirect answers on the direct path: with the route's page, or with what
// its handler describes.
func (s *Session) serveDirect(m *direct.Match) {
	hasBody := s.body.begin(s)
	if hasBody && s.head.Expect100 {
		s.body.cont = s.sendContinue
	}
	if m.Page != nil {
		s.keep = s.keep && s.body.drainable()
		s.sendPage(m.Page)
	} else {
		s.req.Body = nil
		if hasBody {
			s.req.Body = &s.body
		}
		s.conn.MayBlock()
		s.callDirect(m.Handler)
		direct.Reset(&s.ctx, keepSize)
	}
	if hasBody {
		s.drain(&s.body) // which flushes when it has to wait
	}
	s.body.s = nil
}

func (s *Session) callDirect(h direct.Handler) {
	ok := s.cfg.RunDirect(h, &s.ctx, s)
	s.keep = s.keep && s.body.drainable()
	minor, head := s.head.Minor, s.head.Method == "HEAD"
	switch e := s.body.rule(); {
	case !ok:
		s.keep = false
		s.reply(semantics.ErrPanic, minor, head)
	case e != nil && s.resp.Status == 0 && s.resp.Page == nil && s.resp.Head == nil:
		s.cfg.Counters.CountRefused(e)
		s.keep = false
		s.reply(e, minor, head)
	case s.resp.Page != nil:
		s.keep = s.keep && !s.resp.Close
		semantics.Bump(&s.tally.Files[netio.RungPage], 1)
		s.sendPage(s.resp.Page)
	case s.resp.Head != nil:
		s.keep = s.keep && !s.resp.Close
		s.sendPrebuilt(s.resp)
	default:
		s.keep = s.keep && !s.resp.Close
		s.render(s.resp)
	}
	semantics.CloseAll(s.resp)
}

// Exiting ends the connection: the handler ends this goroutine.
func (s *Session) Exiting() {
	semantics.CloseAll(s.resp)
	s.close()
}

// sendContinue sends the interim response that a client awaits before it sends
// the body (RFC 9110 §10.1.1).
func (s *Session) sendContinue() error {
	s.flushPages()
	s.out = append(s.out, "HTTP/1.1 100 Continue\r\n\r\n"...)
	return s.flush()
}

// render sends a described response.
func (s *Session) render(r *direct.Response) {
	s.flushPages()
	status := r.Status
	if status == 0 {
		status = 200
	}
	s.status = status
	size := int64(len(r.Body))
	for i := range r.Segments {
		size += r.Segments[i].N
	}
	at := len(s.out)
	b := appendStatusLine(s.out, s.head.Minor, status)
	allowed := semantics.BodyAllowed(status)
	switch {
	case r.MediaType != "":
		b = appendContentType(b, r.MediaType, r.Charset)
	case allowed && size > 0:
		b = appendContentType(b, "text/plain", "utf-8")
	}
	b = append(b, r.Header...)
	if allowed {
		b = appendContentLength(b, size)
	}
	b = appendDate(b, s.cfg.Clock)
	b = s.appendHSTS(b)
	b = appendConnection(b, s.head.Minor, s.keep)
	b = append(b, "\r\n"...)
	s.sent += int64(len(b) - at)
	s.out = b
	if !allowed || s.head.Method == "HEAD" {
		return
	}
	s.emit(r.Body)
	s.sendSegments(r.Segments)
}

// sendPrebuilt sends the head of a prebuilt page, and the segments it is for.
func (s *Session) sendPrebuilt(r *direct.Response) {
	s.status = r.Head.Status()
	s.startPage(r.Head)
	s.out = append(s.out, "\r\n"...)
	s.sent += int64(len("\r\n"))
	if s.head.Method != "HEAD" {
		s.sendSegments(r.Segments)
	}
}

func (s *Session) sendSegments(segments []direct.Segment) {
	for i := range segments {
		g := &segments[i]
		if g.File == nil {
			s.emit(g.Bytes)
		} else {
			s.sendFile(g.File, g.Off, g.N)
		}
	}
}

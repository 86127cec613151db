package h1

import (
	"runtime/debug"

	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/goserver/internal/netio"
)

// serveDirect answers on the direct path: with the route's page, or with what
// its handler describes.
func (s *session) serveDirect(m *direct.Match) {
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

func (s *session) callDirect(h direct.Handler) {
	ok := s.runDirect(h)
	s.keep = s.keep && s.body.drainable()
	minor, head := s.head.Minor, s.head.Method == "HEAD"
	switch e := s.body.rule(); {
	case !ok:
		s.keep = false
		s.reply(errPanic, minor, head)
	case e != nil && s.resp.Status == 0 && s.resp.Page == nil && s.resp.Head == nil:
		s.countRefused(e)
		s.keep = false
		s.reply(e, minor, head)
	case s.resp.Page != nil:
		s.keep = s.keep && !s.resp.Close
		bump(&s.tally.files[netio.RungPage], 1)
		s.sendPage(s.resp.Page)
	case s.resp.Head != nil:
		s.keep = s.keep && !s.resp.Close
		s.sendPrebuilt(s.resp)
	default:
		s.keep = s.keep && !s.resp.Close
		s.render(s.resp)
	}
	s.closeAfter()
}

// closeAfter closes what the handler handed over with its response.
func (s *session) closeAfter() {
	for _, c := range s.resp.Closers {
		c.Close()
	}
}

// runDirect calls the handler and reports false when it panicked.
func (s *session) runDirect(h direct.Handler) (ok bool) {
	defer func() {
		if ok {
			return
		}
		v := recover()
		if v == nil { // runtime.Goexit: this goroutine ends
			s.closeAfter()
			s.close()
			return
		}
		s.cfg.logf("goserver: panic serving %v %s: %v\n%s", s.conn.Remote(), s.head.Target, v, debug.Stack())
	}()
	h(&s.ctx)
	return true
}

func (s *session) countRefused(e *Error) {
	s.cfg.Counters.Refused.Add(1)
	if e == errBodyTimeout || e == errBodyTooSlow {
		s.cfg.Counters.TimedOut.Add(1)
	}
}

// sendContinue sends the interim response that a client awaits before it sends
// the body (RFC 9110 §10.1.1).
func (s *session) sendContinue() error {
	s.flushPages()
	s.out = append(s.out, "HTTP/1.1 100 Continue\r\n\r\n"...)
	return s.flush()
}

// render sends a described response.
func (s *session) render(r *direct.Response) {
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
	allowed := bodyAllowed(status)
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
func (s *session) sendPrebuilt(r *direct.Response) {
	s.status = r.Head.Status()
	s.startPage(r.Head)
	s.out = append(s.out, "\r\n"...)
	s.sent += int64(len("\r\n"))
	if s.head.Method != "HEAD" {
		s.sendSegments(r.Segments)
	}
}

func (s *session) sendSegments(segments []direct.Segment) {
	for i := range segments {
		g := &segments[i]
		if g.File == nil {
			s.emit(g.Bytes)
		} else {
			s.sendFile(g.File, g.Off, g.N)
		}
	}
}

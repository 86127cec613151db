package h1

import (
	"errors"
	"os"
	"runtime/debug"
	"sync"

	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/goserver/internal/netio"
	"github.com/hyperion-server/hyperion/pagecache"
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
	case e != nil && s.resp.Status == 0 && s.resp.Page == nil:
		s.countRefused(e)
		s.keep = false
		s.reply(e, minor, head)
	case s.resp.Page != nil:
		s.keep = s.keep && !s.resp.Close
		s.sendPage(s.resp.Page)
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
	s.out = append(s.out, "HTTP/1.1 100 Continue\r\n\r\n"...)
	return s.flush()
}

// sendPage sends a prebuilt page with the Date pasted in and what this
// connection has to say of itself.
func (s *session) sendPage(p *pagecache.Page) {
	s.status = p.Status()
	all, date, tail := p.Bytes(), p.DateOffset(), p.TailOffset()
	end := len(all)
	if s.head.Method == "HEAD" {
		end = p.BodyOffset()
	}
	if s.keep && s.head.Minor != 0 && len(s.out)+end <= outFlush {
		at := len(s.out)
		s.out = append(s.out, all[:end]...)
		copy(s.out[at+date:], s.cfg.Clock.Date()[:])
		s.sent += int64(end)
		return
	}
	at := len(s.out)
	b := append(s.out, all[:date]...)
	if s.head.Minor == 0 {
		b[at+len("HTTP/1.")] = '0'
	}
	b = append(b, s.cfg.Clock.Date()[:]...)
	b = append(b, "\r\n"...)
	b = appendConnection(b, s.head.Minor, s.keep)
	s.sent += int64(len(b) - at)
	s.out = b
	s.emit(all[tail:end])
}

// render sends a described response.
func (s *session) render(r *direct.Response) {
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
	for i := range r.Segments {
		g := &r.Segments[i]
		if g.File == nil {
			s.emit(g.Bytes)
		} else {
			s.sendFile(g.File, g.Off, g.N)
		}
	}
}

// sendFile sends n bytes of f from off: by the kernel where the connection can,
// else by copying. A file that has become shorter ends the connection, since
// its length was promised.
func (s *session) sendFile(f *os.File, off, n int64) {
	if s.flush() != nil || n == 0 {
		return
	}
	sent, err, handled := s.conn.SendFile(f, off, n)
	s.sent += sent
	if !handled {
		err = s.copyFile(f, off, n)
	}
	if err != nil {
		s.werr = err
		s.keep = false
		if errors.Is(err, netio.ErrFileShrank) {
			s.cfg.logf("goserver: %s became shorter while it was sent", f.Name())
		}
	}
}

const copySize = 64 << 10

var copyBuffers = sync.Pool{New: func() any { return new([copySize]byte) }}

func (s *session) copyFile(f *os.File, off, n int64) error {
	buf := copyBuffers.Get().(*[copySize]byte)
	defer copyBuffers.Put(buf)
	for n > 0 {
		m, err := f.ReadAt(buf[:min(n, copySize)], off)
		if m == 0 {
			return errors.Join(netio.ErrFileShrank, err)
		}
		if _, err := s.conn.Write(buf[:m]); err != nil {
			return err
		}
		s.sent += int64(m)
		off += int64(m)
		n -= int64(m)
	}
	return nil
}

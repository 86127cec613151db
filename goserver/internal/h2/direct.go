package h2

import (
	"bytes"
	"time"

	"golang.org/x/net/http2"

	"github.com/hyperion-server/hyperion/goserver/internal/access"
	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/goserver/internal/netio"
	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
	"github.com/hyperion-server/hyperion/hpack"
)

// fileGather is the length up to which a piece of a file is read by the reader
// itself; longer ones are streamed by a goroutine.
const fileGather = 16 << 10

// serveRequest answers a request, or has a goroutine answer it. The stream counts
// as running meanwhile, so that it stays what it is.
func (c *conn) serveRequest(st *stream) {
	s := c.s
	semantics.Bump(&s.tally.Requests, 1)
	if s.head.connect { // no direct route can go over to another protocol
		c.serveHandler(st)
		return
	}
	s.head.Describe(s.req, c.nc.Remote(), c.info.TLS != nil)
	m, ok := c.e.cfg.Routes.Match(&s.ctx)
	switch {
	case !ok:
		c.serveHandler(st)
	case m.Page != nil:
		c.beginRecord()
		var before, after int64
		c.locked(func() {
			before = c.sent
			c.sendPage(st, m.Page, s.isHead())
			c.answered(st)
			after = c.sent
		})
		c.endRecord(m.Page.Status(), after-before)
	case !st.remoteDone:
		c.serveAside(st, m.Handler)
	default:
		c.serveDirect(st, m.Handler)
	}
}

func (s *Session) isHead() bool { return s.head.Method == "HEAD" }

// answered ends the work on a request: its response is sent, or waits to be.
// c.mu is held.
func (c *conn) answered(st *stream) {
	st.running = false
	switch {
	case st.reset || c.dead:
		st.reset = true
		c.done(st)
	case st.localDone:
		c.ended(st)
	}
}

// serveDirect answers with what the handler of a direct route describes.
func (c *conn) serveDirect(st *stream, h direct.Handler) {
	s := c.s
	c.beginRecord()
	s.req.Body = nil
	c.busy.Store(false) // what others add meanwhile does not wait for the handler
	c.nc.MayBlock()
	s.exiting = exiting{c, st}
	ok := c.e.cfg.RunDirect(h, &s.ctx, &s.exiting)
	c.busy.Store(true)
	a := answer{st: st, r: s.resp, isHead: s.isHead()}
	a.take(ok, nil)
	a.gathered, a.stream = c.gatherFiles(&a)
	var before, after int64
	var handed bool
	c.locked(func() {
		before = c.sent
		handed = c.answerDirect(&a)
		c.closeAfter = c.closeAfter || s.resp.Close
		after = c.sent
	})
	c.endRecord(a.status, after-before)
	if !handed {
		semantics.CloseAll(s.resp)
	}
	direct.Reset(&s.ctx, keepSize)
}

// exiting ends a connection whose goroutine a handler of a direct route ended.
type exiting struct {
	c  *conn
	st *stream
}

func (x *exiting) Exiting() {
	semantics.CloseAll(x.c.s.resp)
	x.reset()
}

func (x *exiting) reset() {
	c := x.c
	c.mu.Lock()
	if !x.st.reset && !c.dead {
		c.resetStream(x.st, http2.ErrCodeInternal)
	}
	c.answered(x.st)
	c.flushUnlessGone()
	c.mu.Unlock()
}

// An answer is what a direct route's handler came to.
type answer struct {
	st       *stream
	r        *direct.Response
	isHead   bool
	status   int
	rule     *semantics.Error // that is answered with, unless nil
	gathered []byte           // the bytes of short files
	stream   bool             // a goroutine sends the files
}

// take decides what is answered when the handler returned (ok) or panicked, and the
// request broke the rule e, unless that is nil.
func (a *answer) take(ok bool, e *semantics.Error) {
	r := a.r
	switch {
	case !ok:
		a.rule = semantics.ErrPanic
	case r.Page != nil:
		a.status = r.Page.Status()
	case r.Head != nil:
		a.status = r.Head.Status()
	case e != nil && r.Status == 0:
		a.rule = e
	default:
		a.status = or(r.Status, 200)
	}
	if a.rule != nil {
		a.status = a.rule.Status
	}
}

// answerDirect sends an answer. It reports true when it handed the files and
// their closers over to a goroutine. c.mu is held.
func (c *conn) answerDirect(a *answer) (handed bool) {
	st, r := a.st, a.r
	switch {
	case st.reset || c.dead:
	case a.rule != nil:
		c.reply(st, a.rule, a.isHead)
	case r.Page != nil:
		c.sendPage(st, r.Page, a.isHead)
	default:
		size, end := c.sendDirectHead(a)
		switch {
		case end:
		case a.stream:
			c.streamSegments(st, r)
			return true
		default:
			c.sendGathered(a, size)
		}
	}
	c.answered(st)
	return false
}

// sendDirectHead sends the head of an answer, and returns the size of its
// content, and whether there is none to send.
func (c *conn) sendDirectHead(a *answer) (size int64, end bool) {
	r := a.r
	for i := range r.Segments {
		size += r.Segments[i].N
	}
	if r.Head != nil {
		end = a.isHead || size == 0
		c.pageHead(a.st, r.Head, size, end)
		return size, end
	}
	size += int64(len(r.Body))
	end = a.isHead || size == 0 || !semantics.BodyAllowed(a.status)
	c.describedHead(a.st, r, a.status, size, end)
	return size, end
}

// describedHead sends the head that the handler of a direct route described.
func (c *conn) describedHead(st *stream, r *direct.Response, status int, size int64, end bool) {
	allowed := semantics.BodyAllowed(status)
	at := c.beginHead()
	o := c.out()
	b := appendStatus(o.buf, status)
	switch {
	case r.MediaType != "":
		b = c.appendType(b, r.MediaType, r.Charset)
	case allowed && size > 0:
		b = c.appendType(b, "text/plain", "utf-8")
	}
	for rest := r.Header; len(rest) > 0; {
		var line []byte
		line, rest, _ = bytes.Cut(rest, crlf)
		name, value, _ := bytes.Cut(line, colon)
		c.s.lower = appendLower(c.s.lower[:0], name)
		b = c.enc.AppendField(b, hpack.HeaderField{Name: c.s.lower, Value: value})
	}
	b = appendDate(b, c.e.cfg.Clock.Date())
	b = c.appendHSTS(b)
	if allowed {
		b = appendLength(b, size)
	}
	o.buf = b
	c.endHead(st, at, end)
}

var crlf, colon = []byte("\r\n"), []byte(": ")

var contentType = []byte("content-type")

func (c *conn) appendType(b []byte, mediaType, charset string) []byte {
	if charset == "" {
		return c.enc.AppendString(b, "content-type", mediaType, hpack.Index)
	}
	l := append(append(append(c.s.lower[:0], mediaType...), "; charset="...), charset...)
	c.s.lower = l
	return c.enc.AppendField(b, hpack.HeaderField{Name: contentType, Value: l})
}

func appendLower(b, name []byte) []byte {
	for _, c := range name {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		b = append(b, c)
	}
	return b
}

// gatherFiles reads the short pieces of files of a response into memory. files
// reports that there are others, or too many.
func (c *conn) gatherFiles(a *answer) (gathered []byte, files bool) {
	s, r := c.s, a.r
	var n int64
	for i := range r.Segments {
		if g := &r.Segments[i]; g.File != nil {
			n += g.N
		}
	}
	if n == 0 || a.isHead || a.rule != nil || r.Page != nil {
		return nil, false
	}
	if n > fileGather {
		return nil, true
	}
	if s.files == nil {
		s.files = make([]byte, fileGather)
	}
	at := 0
	for i := range r.Segments {
		g := &r.Segments[i]
		if g.File == nil {
			continue
		}
		c.nc.MayBlock() // on the disk
		if m, _ := g.File.ReadAt(s.files[at:at+int(g.N)], g.Off); int64(m) < g.N {
			return nil, true // the goroutine finds out why
		}
		semantics.Bump(&s.tally.Files[netio.RungSmall], 1)
		at += int(g.N)
	}
	return s.files[:at], false
}

// sendGathered sends a body of size bytes that is in memory as a whole.
func (c *conn) sendGathered(a *answer, size int64) {
	st, r := a.st, a.r
	body := r.Body
	if r.Head != nil {
		body = nil
	}
	switch {
	case len(r.Segments) == 0:
		c.provide(st, body, true, false)
		return
	case len(r.Segments) == 1 && len(body) == 0:
		if g := &r.Segments[0]; g.File == nil {
			c.provide(st, g.Bytes, true, true)
		} else {
			c.provide(st, a.gathered, true, false)
		}
		return
	}
	whole := append(make([]byte, 0, size), body...)
	files := a.gathered
	for i := range r.Segments {
		if g := &r.Segments[i]; g.File == nil {
			whole = append(whole, g.Bytes...)
		} else {
			whole = append(whole, files[:g.N]...)
			files = files[g.N:]
		}
	}
	c.provide(st, whole, true, true)
}

// beginRecord starts the record of a request that the reader answers.
func (c *conn) beginRecord() {
	if s := c.s; c.e.cfg.Done != nil {
		s.head.BeginRecord(&s.rec, c.nc.Remote())
	}
}

// endRecord hands the record over when the response is on its way.
func (c *conn) endRecord(status int, sent int64) {
	s := c.s
	if c.e.cfg.Done == nil {
		return
	}
	finishRecord(&s.rec, status, sent)
	c.nc.MayBlock()
	c.e.cfg.Done(&s.rec)
}

func finishRecord(r *access.Record, status int, sent int64) {
	r.Duration = time.Since(r.Start)
	r.FirstByte = r.Duration
	r.Status, r.BytesOut = status, sent
}

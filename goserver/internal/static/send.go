package static

import (
	"net/http"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/pagecache"
)

// A variant is the representation that was chosen for a request. Its content is the
// body of a page, or a file to which the page is the head.
type variant struct {
	page     *pagecache.Page // the 200 response
	f        file            // nil: the body of page
	size     int64           // of the content
	etag     string
	modified time.Time
}

// sendEntry answers with the representation of e that the client wants. It returns
// false, and does nothing, when that is the file itself and too large to be in e.
func (s *Site) sendEntry(c *direct.Ctx, e *pagecache.Entry) bool {
	var q asked
	q.gather(c.Fields())
	coding, ok := negotiate(q.acceptEncoding, func(coding pagecache.Coding) bool { return e.Representations[coding] != nil })
	if !ok {
		s.refuseCodings(c)
		return true
	}
	r := e.Representations[coding]
	if r == nil {
		return false
	}
	v := variant{page: r.Page, size: int64(len(r.Page.Body())), etag: r.ETag, modified: e.Modified}
	s.answer(c, &q, &v)
	return true
}

// sendFile answers from an open file, or from its sidecar. It takes t.f over.
func (s *Site) sendFile(c *direct.Ctx, t *target) {
	o := s.hold(t)
	c.CloseAfter(o)
	s.sendOpened(c, o)
}

// sendOpened answers from a file that stays open until the response is sent.
func (s *Site) sendOpened(c *direct.Ctx, o *opened) {
	var q asked
	q.gather(c.Fields())
	coding, ok := negotiate(q.acceptEncoding, func(coding pagecache.Coding) bool { return o.stamps[coding] != pagecache.Stamp{} })
	if !ok {
		s.refuseCodings(c)
		return
	}
	m := s.form(o, coding)
	if m == nil { // the sidecar has just changed: the file itself will do
		s.files.drop(o)
		m = s.form(o, pagecache.Identity)
	}
	v := variant{page: m.head, f: m, size: m.size, etag: m.etag, modified: o.lastModified}
	s.answer(c, &q, &v)
}

// answer sends v, or a part of it, or says why not.
func (s *Site) answer(c *direct.Ctx, q *asked, v *variant) {
	switch q.precondition(v.etag, v.modified) {
	case http.StatusNotModified:
		c.SendPage(v.page.NotModified())
		return
	case http.StatusPreconditionFailed:
		s.fail(c, http.StatusPreconditionFailed)
		return
	}
	if q.byteRange != nil && c.Method() == "GET" && q.wantsRange(v.etag, v.modified) {
		if spans, ok := parseRanges(q.byteRange, v.size); ok {
			if len(spans) == 0 {
				s.refuseRange(c, v.size)
			} else {
				v.sendRanges(c, spans)
			}
			return
		}
	}
	if v.f == nil || v.size == 0 {
		c.SendPage(v.page)
	} else {
		direct.SendHead(c, v.page, v.f, 0, v.size)
	}
}

func describePage(c *direct.Ctx, p *pagecache.Page) {
	for f := range p.Fields() {
		describeField(c, f)
	}
}

func describe(c *direct.Ctx, fields []pagecache.Field) {
	for _, f := range fields {
		describeField(c, f)
	}
}

func describeField(c *direct.Ctx, f pagecache.Field) {
	if f.Name == "Content-Type" {
		c.SetContentType(f.Value, "")
	} else {
		add(c, f.Name, f.Value)
	}
}

// sendSpan adds a span of v's bytes to the body.
func (v *variant) sendSpan(c *direct.Ctx, r span) {
	if v.f == nil {
		c.SendBytes(v.page.Body()[r.start:r.end])
	} else {
		direct.SendFile(c, v.f, r.start, r.size())
	}
}

// field returns the value of a field, in the spelling that this package uses.
func field(fields []pagecache.Field, name string) string {
	for i := range fields {
		if fields[i].Name == name {
			return fields[i].Value
		}
	}
	return ""
}

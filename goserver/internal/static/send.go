package static

import (
	"net/http"
	"os"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/pagecache"
)

// A variant is the representation that was chosen for a request: a page, or an
// open file with the fields of its response.
type variant struct {
	rep      *pagecache.Representation // nil for a file
	f        *os.File
	length   int64 // of f
	fields   []pagecache.Field
	etag     string
	modified time.Time
}

// sendEntry answers with the representation of e that the client wants.
func (s *Site) sendEntry(c *direct.Ctx, e *pagecache.Entry) {
	var q asked
	q.gather(c.Fields())
	coding, ok := negotiate(q.acceptEncoding, func(coding pagecache.Coding) bool { return e.Representations[coding] != nil })
	if !ok {
		s.refuseCodings(c)
		return
	}
	r := e.Representations[coding]
	v := variant{rep: r, fields: r.Page.Fields(), etag: r.ETag, modified: e.Modified}
	s.answer(c, &q, &v)
}

// sendFile answers from an open file, or from its sidecar. It takes t.f over.
func (s *Site) sendFile(c *direct.Ctx, t *target) {
	var q asked
	q.gather(c.Fields())
	coding, ok := negotiate(q.acceptEncoding, func(coding pagecache.Coding) bool { return t.stamps[coding] != pagecache.Stamp{} })
	f, start := t.f, t.sniff()
	if ok && coding != pagecache.Identity {
		side := s.open(t.name + sidecars[coding])
		if side.kind == regular && side.stamps[pagecache.Identity] == t.stamps[coding] {
			t.f.Close()
			f = side.f
		} else { // it has just changed: the file itself will do
			side.close()
			t.stamps[coding] = pagecache.Stamp{}
			coding = pagecache.Identity
		}
	}
	c.CloseAfter(f)
	if !ok {
		s.refuseCodings(c)
		return
	}
	fields := s.fields(t, coding, start)
	v := variant{f: f, length: t.stamps[coding].Size, fields: fields, etag: field(fields, "ETag"), modified: t.modified()}
	s.answer(c, &q, &v)
}

// answer sends v, or a part of it, or says why not.
func (s *Site) answer(c *direct.Ctx, q *asked, v *variant) {
	switch q.precondition(v.etag, v.modified) {
	case http.StatusNotModified:
		v.sendNotModified(c)
		return
	case http.StatusPreconditionFailed:
		s.fail(c, http.StatusPreconditionFailed)
		return
	}
	if q.byteRange != nil && c.Method() == "GET" && q.wantsRange(v.etag, v.modified) {
		if spans, ok := parseRanges(q.byteRange, v.size()); ok {
			if len(spans) == 0 {
				s.refuseRange(c, v.size())
			} else {
				v.sendRanges(c, spans)
			}
			return
		}
	}
	if v.rep != nil {
		c.SendPage(v.rep.Page)
		return
	}
	v.describe(c)
	v.sendSpan(c, span{0, v.length})
}

func (v *variant) sendNotModified(c *direct.Ctx) {
	if v.rep != nil {
		c.SendPage(v.rep.NotModified)
		return
	}
	p, err := pagecache.Build(http.StatusOK, v.fields, nil)
	if err != nil {
		panic("goserver: static: " + err.Error())
	}
	c.SendPage(p.NotModified())
}

func (v *variant) size() int64 {
	if v.rep != nil {
		return int64(len(v.rep.Page.Body()))
	}
	return v.length
}

// describe gives the response the fields of v.
func (v *variant) describe(c *direct.Ctx) { describe(c, v.fields) }

func describe(c *direct.Ctx, fields []pagecache.Field) {
	for _, f := range fields {
		if f.Name == "Content-Type" {
			c.SetContentType(f.Value, "")
		} else {
			add(c, f.Name, f.Value)
		}
	}
}

// sendSpan adds a span of v's bytes to the body.
func (v *variant) sendSpan(c *direct.Ctx, r span) {
	switch {
	case v.rep != nil:
		c.SendBytes(v.rep.Page.Body()[r.start:r.end])
	case r.size() > 0:
		c.SendFile(v.f, r.start, r.size())
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

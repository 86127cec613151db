package static

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/fnv"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/hyperion-server/hyperion/pagecache"
)

// load makes pages of a status from a file and its sidecars, of those that are
// small enough. It returns nil when there are none, or when a file does not hold
// still. t.f stays the caller's.
func (s *Site) load(t *target, status int) *pagecache.Entry {
	e := &pagecache.Entry{Modified: t.modified()}
	limit, loaded := s.limit(status), false
	if t.stamps[pagecache.Identity].Size <= limit {
		r := s.loadCoding(t, t.f, pagecache.Identity, status)
		if r == nil {
			return nil
		}
		e.Representations[pagecache.Identity], loaded = r, true
	}
	for coding, suffix := range sidecars {
		st := t.stamps[coding]
		if suffix == "" || st == (pagecache.Stamp{}) || st.Size > limit {
			continue
		}
		side := s.open(t.name + suffix)
		if side.kind == regular {
			e.Representations[coding] = s.loadCoding(t, side.f, pagecache.Coding(coding), status)
		}
		side.close()
		if e.Representations[coding] == nil {
			t.stamps[coding] = pagecache.Stamp{} // it is not what it was a moment ago
			return nil
		}
		loaded = true
	}
	if !loaded {
		return nil
	}
	return e
}

// limit is how many bytes a page's body has at most.
func (s *Site) limit(status int) int64 {
	if status != http.StatusOK {
		return maxErrorPage
	}
	return int64(s.options.MaxCachedFile)
}

// loadCoding makes the representation of t in a coding from the file that has
// it; nil when the file has changed.
func (s *Site) loadCoding(t *target, f file, coding pagecache.Coding, status int) *pagecache.Representation {
	st := t.stamps[coding]
	p, err := s.page(t, coding, status, int(st.Size), func(body []byte) error { return readWhole(f, st, body) })
	if err != nil {
		return nil
	}
	return pagecache.NewRepresentation(p, st)
}

// page makes the page of t in a coding, with a body that fill writes. Its
// errors are those of fill.
func (s *Site) page(t *target, coding pagecache.Coding, status, size int, fill func(body []byte) error) (*pagecache.Page, error) {
	fields := s.fields(t, coding, t.sniff())
	if status != http.StatusOK {
		fields = errorFields(fields)
	}
	var fillErr error
	p, err := pagecache.Fill(status, fields, size, func(body []byte) error {
		fillErr = fill(body)
		return fillErr
	})
	if err != nil && fillErr == nil {
		panic("goserver: static: " + err.Error()) // a field that Options.CacheControl made
	}
	return p, err
}

// made reports whether e is what load and the compressor make from t and its
// sidecars as they are now. A variant that was made from the file has the file's stamp.
func (s *Site) made(t *target, e *pagecache.Entry, status int) bool {
	if !e.Modified.Equal(t.modified()) {
		return false
	}
	limit, file := s.limit(status), t.stamps[pagecache.Identity]
	for coding, r := range e.Representations {
		st := t.stamps[coding]
		if r == nil && st != (pagecache.Stamp{}) && st.Size <= limit {
			return false
		}
		if r != nil && r.Stamp != st && (st != pagecache.Stamp{} || r.Stamp != file) {
			return false
		}
	}
	return true
}

var errChanged = errors.New("goserver: file changed while it was read")

// readWhole fills body with a file of which st is known, and makes sure that it is
// still so at the end.
func readWhole(f file, st pagecache.Stamp, body []byte) error {
	if _, err := f.ReadAt(body, 0); err != nil && !(err == io.EOF && st.Size == 0) {
		return err
	}
	info, err := f.stat()
	if err == nil && info.stamp != st {
		err = errChanged
	}
	return err
}

// fields returns the fields of the 200 response with t in a coding. start is how
// its content begins, for names that do not tell a type.
func (s *Site) fields(t *target, coding pagecache.Coding, start []byte) []pagecache.Field {
	m := t.media(start)
	fields := append(make([]pagecache.Field, 0, 8), pagecache.Field{Name: "Content-Type", Value: m.contentType()})
	if coding != pagecache.Identity {
		fields = append(fields, pagecache.Field{Name: "Content-Encoding", Value: coding.String()})
	}
	if vary := s.vary(t, m); vary != "" {
		fields = append(fields, pagecache.Field{Name: "Vary", Value: vary})
	}
	fields = append(fields, pagecache.Field{Name: "ETag", Value: entityTag(t.stamps[coding], coding)})
	if m := t.modified(); !m.IsZero() {
		fields = append(fields, pagecache.Field{Name: "Last-Modified", Value: m.Format(http.TimeFormat)})
	}
	if rule := s.options.CacheControl(t.name); rule != "" {
		fields = append(fields, pagecache.Field{Name: "Cache-Control", Value: rule})
	}
	return append(fields, pagecache.Field{Name: "Accept-Ranges", Value: "bytes"})
}

// vary returns the request fields that decide what is sent for t (RFC 9110
// §12.5.5). A file that gets variants varies from its first response on, when there are none yet.
func (s *Site) vary(t *target, m media) string {
	coded := t.negotiable() || s.compresses(t, m)
	switch {
	case t.fallback && coded:
		return "Accept-Encoding, Accept, Sec-Fetch-Mode"
	case t.fallback:
		return "Accept, Sec-Fetch-Mode"
	case coded:
		return "Accept-Encoding"
	}
	return ""
}

// media returns what t holds. start is how its content begins.
func (t *target) media(start []byte) media {
	if m := mediaOf(t.name); m.kind != "" {
		return m
	}
	return sniff(start[:min(len(start), sniffLen)])
}

// sniff returns the start of a file whose name does not tell its type.
func (t *target) sniff() []byte {
	if t.start == nil && mediaOf(t.name).kind == "" {
		b := make([]byte, sniffLen)
		n, _ := t.f.ReadAt(b, 0)
		t.start = b[:n]
	}
	return t.start
}

// negotiable reports whether t has a sidecar that may be used.
func (t *target) negotiable() bool {
	for _, coding := range preferred {
		if t.stamps[coding] != (pagecache.Stamp{}) {
			return true
		}
	}
	return false
}

// modified returns the time for Last-Modified, which is the file's own for its
// sidecars too; zero when that is unknown (image builders say 1970) or later
// than now (RFC 9110 §8.8.2.1).
func (t *target) modified() time.Time {
	m := t.info.ModTime()
	if m.Unix() <= 0 || m.After(time.Now()) {
		return time.Time{}
	}
	return m.UTC().Truncate(time.Second)
}

// entityTag returns a strong entity-tag (RFC 9110 §8.8.3): a hash of the time of
// the last change in nanoseconds, the size and the identity, then the size
// and the coding. Whoever writes a file changes its time; whoever replaces it by
// another of the same time and size, as builds do that set all times to one value,
// changes its identity. It is hashed because inode numbers are nobody's business.
func entityTag(st pagecache.Stamp, coding pagecache.Coding) string {
	var id [24]byte
	binary.LittleEndian.PutUint64(id[0:], uint64(st.Time))
	binary.LittleEndian.PutUint64(id[8:], uint64(st.Size))
	binary.LittleEndian.PutUint64(id[16:], st.Number)
	h := fnv.New64a()
	h.Write(id[:])
	b := append(make([]byte, 0, 48), '"')
	b = hex.AppendEncode(b, h.Sum(nil))
	b = strconv.AppendInt(append(b, '-'), st.Size, 16)
	if coding != pagecache.Identity {
		b = append(append(b, '-'), coding.String()...)
	}
	return string(append(b, '"'))
}

// close closes what t has open, if nobody has taken it over.
func (t *target) close() {
	if t.f != nil {
		t.f.Close()
		t.f = nil
	}
}

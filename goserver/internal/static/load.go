package static

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/fnv"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/hyperion-server/hyperion/pagecache"
)

// load reads a small file and its sidecars and makes pages of a status from
// them. It returns nil when the file is too large for that, or does not hold still.
// t.f stays the caller's.
func (s *Site) load(t *target, status int) *pagecache.Entry {
	limit := int64(s.cache.Options().MaxBody)
	if status != http.StatusOK {
		limit = maxErrorPage
	}
	if t.info.Size() > limit {
		return nil
	}
	body, err := readWhole(t.f, t.stamps[pagecache.Identity])
	if err != nil {
		return nil
	}
	var bodies [pagecache.Codings][]byte
	for coding, st := range t.stamps {
		if coding == int(pagecache.Identity) || st == (pagecache.Stamp{}) {
			continue
		}
		side := s.open(t.name + sidecars[coding])
		if side.kind == regular {
			bodies[coding], err = readWhole(side.f, st)
		}
		if side.close(); bodies[coding] == nil || err != nil {
			t.stamps[coding] = pagecache.Stamp{} // it is not what it was a moment ago
		}
	}
	bodies[pagecache.Identity] = body
	e := &pagecache.Entry{Modified: t.modified()}
	for coding, st := range t.stamps {
		if st == (pagecache.Stamp{}) {
			continue
		}
		fields := s.fields(t, pagecache.Coding(coding), body)
		if status != http.StatusOK {
			fields = errorFields(fields)
		}
		p, err := pagecache.Build(status, fields, bodies[coding])
		if err != nil {
			panic("goserver: static: " + err.Error())
		}
		e.Representations[coding] = pagecache.NewRepresentation(p, st)
	}
	return e
}

var errChanged = errors.New("goserver: file changed while it was read")

// readWhole reads a file of which st is known, and makes sure that it is still so at the end.
func readWhole(f *os.File, st pagecache.Stamp) ([]byte, error) {
	body := make([]byte, st.Size)
	if _, err := f.ReadAt(body, 0); err != nil && !(err == io.EOF && st.Size == 0) {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && stamp(info) != st {
		err = errChanged
	}
	return body, err
}

// fields returns the fields of the 200 response with t in a coding. start is how
// its content begins, for names that do not tell a type.
func (s *Site) fields(t *target, coding pagecache.Coding, start []byte) []pagecache.Field {
	m := mediaOf(t.name)
	if m.kind == "" {
		m = sniff(start[:min(len(start), sniffLen)])
	}
	fields := append(make([]pagecache.Field, 0, 8), pagecache.Field{Name: "Content-Type", Value: m.contentType()})
	if coding != pagecache.Identity {
		fields = append(fields, pagecache.Field{Name: "Content-Encoding", Value: coding.String()})
	}
	if t.negotiable() {
		fields = append(fields, pagecache.Field{Name: "Vary", Value: "Accept-Encoding"})
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

// sniff returns the start of a file whose name does not tell its type.
func (t *target) sniff() []byte {
	if mediaOf(t.name).kind != "" {
		return nil
	}
	b := make([]byte, sniffLen)
	n, _ := t.f.ReadAt(b, 0)
	return b[:n]
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

// close closes what t has open.
func (t *target) close() {
	if t.f != nil {
		t.f.Close()
	}
}

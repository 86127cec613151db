package static

import (
	"bytes"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"

	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/pagecache"
)

// maxRanges is how many ranges of one request are answered. As RFC 9110 §14.2
// allows, a field with more, with more than two that overlap, or that asks for
// more bytes than there are, is ignored: the whole is sent, once.
const maxRanges = 16

// A span is the bytes from start up to, not including, end.
type span struct{ start, end int64 }

func (r span) size() int64 { return r.end - r.start }

// contentRange returns the value of Content-Range for r of size bytes.
func (r span) contentRange(size int64) string {
	b := append(make([]byte, 0, 64), "bytes "...)
	b = strconv.AppendInt(b, r.start, 10)
	b = strconv.AppendInt(append(b, '-'), r.end-1, 10)
	b = strconv.AppendInt(append(b, '/'), size, 10)
	return string(b)
}

// parseRanges reads a Range field (RFC 9110 §14.2) for a representation of size
// bytes. ok is false when it is to be ignored: of another unit, malformed or
// abusive, or when there are no bytes at all. No spans means that none of the
// ranges can be satisfied.
func parseRanges(field []byte, size int64) (spans []span, ok bool) {
	unit, set, found := bytes.Cut(field, []byte{'='})
	if !found || !equalFold(bytes.TrimSpace(unit), "bytes") || size == 0 {
		return nil, false
	}
	var total int64
	count := 0
	for more := true; more; {
		var spec []byte
		spec, set, more = bytes.Cut(set, []byte{','})
		if spec = bytes.TrimSpace(spec); len(spec) == 0 {
			continue // RFC 9110 §5.6.1.2
		}
		r, ok := parseRange(spec, size)
		if count++; !ok || count > maxRanges {
			return nil, false
		}
		if r.start < r.end {
			spans = append(spans, r)
			total += r.size()
		}
	}
	return spans, count > 0 && total <= size && overlaps(spans) <= 1
}

// parseRange reads "first-last", "first-" or "-length". A range that has no
// byte of the representation is an empty span.
func parseRange(spec []byte, size int64) (r span, ok bool) {
	first, last, found := bytes.Cut(spec, []byte{'-'})
	if !found || len(first)+len(last) == 0 {
		return r, false
	}
	if len(first) == 0 {
		n, ok := parseInt(last)
		return span{size - min(n, size), size}, ok
	}
	from, ok := parseInt(first)
	to := int64(math.MaxInt64)
	if ok && len(last) > 0 {
		if to, ok = parseInt(last); to < from {
			ok = false
		}
	}
	if !ok || from >= size {
		return span{}, ok
	}
	return span{from, min(to, size-1) + 1}, true
}

// parseInt reads digits. What does not fit becomes the largest number.
func parseInt(digits []byte) (n int64, ok bool) {
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0, false
		}
		if n > (math.MaxInt64-9)/10 {
			n = math.MaxInt64
			continue
		}
		n = n*10 + int64(d-'0')
	}
	return n, true
}

// overlaps counts the pairs of spans that share a byte.
func overlaps(spans []span) (n int) {
	for i, a := range spans {
		for _, b := range spans[:i] {
			if a.start < b.end && b.start < a.end {
				n++
			}
		}
	}
	return n
}

// sendRanges answers 206 with one or more spans of v.
func (v *variant) sendRanges(c *direct.Ctx, spans []span) {
	c.SetStatus(http.StatusPartialContent)
	if len(spans) == 1 {
		describePage(c, v.page)
		add(c, "Content-Range", spans[0].contentRange(v.size))
		v.sendSpan(c, spans[0])
		return
	}
	v.sendParts(c, spans)
}

// sendParts answers with several spans as multipart/byteranges (RFC 9110 §14.6). What
// is coded is each part's content and not the message with its delimiters, so that
// Content-Encoding, like Content-Type, goes into the parts.
func (v *variant) sendParts(c *direct.Ctx, spans []span) {
	for f := range v.page.Fields() {
		if f.Name != "Content-Type" && f.Name != "Content-Encoding" {
			describeField(c, f)
		}
	}
	boundary := boundary()
	c.SetContentType("multipart/byteranges; boundary="+boundary, "")
	about := "\r\nContent-Type: " + v.page.Field("Content-Type")
	if coding := v.page.Field("Content-Encoding"); coding != "" {
		about += "\r\nContent-Encoding: " + coding
	}
	for i, r := range spans {
		head := "\r\n--" + boundary + about + "\r\nContent-Range: " + r.contentRange(v.size) + "\r\n\r\n"
		if i == 0 {
			head = head[2:]
		}
		c.SendBytes([]byte(head))
		v.sendSpan(c, r)
	}
	c.SendBytes([]byte("\r\n--" + boundary + "--\r\n"))
}

// boundary returns a delimiter that no part has, but by a chance of 2^-128.
func boundary() string {
	var b [16]byte
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return hex.EncodeToString(b[:])
}

// refuseRange answers 416 with the size that there is (RFC 9110 §15.5.17).
func (s *Site) refuseRange(c *direct.Ctx, size int64) {
	s.fail(c, http.StatusRequestedRangeNotSatisfiable,
		pagecache.Field{Name: "Content-Range", Value: "bytes */" + strconv.FormatInt(size, 10)})
}

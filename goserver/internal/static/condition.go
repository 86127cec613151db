package static

import (
	"bytes"
	"net/http"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/direct"
)

// asked has the request fields that decide which response is sent. nil: there
// was none. Lines of the same name are joined as one list (RFC 9110 §5.3), which
// makes a field malformed that is no list.
type asked struct {
	acceptEncoding                     []byte
	ifMatch, ifNoneMatch               []byte
	ifModifiedSince, ifUnmodifiedSince []byte
	byteRange, ifRange                 []byte
}

// gather takes the fields from a request in one pass.
func (q *asked) gather(fields []direct.Field) {
	for i := range fields {
		f := &fields[i]
		switch len(f.Name) {
		case len("range"):
			q.take(&q.byteRange, f, "range")
		case len("if-match"):
			q.take(&q.ifMatch, f, "if-match")
			q.take(&q.ifRange, f, "if-range")
		case len("if-none-match"):
			q.take(&q.ifNoneMatch, f, "if-none-match")
		case len("accept-encoding"):
			q.take(&q.acceptEncoding, f, "accept-encoding")
		case len("if-modified-since"):
			q.take(&q.ifModifiedSince, f, "if-modified-since")
		case len("if-unmodified-since"):
			q.take(&q.ifUnmodifiedSince, f, "if-unmodified-since")
		}
	}
}

func (q *asked) take(dst *[]byte, f *direct.Field, name string) {
	switch {
	case !equalFold(f.Name, name):
	case *dst == nil:
		*dst = f.Value
	default:
		*dst = bytes.Join([][]byte{*dst, f.Value}, []byte(", "))
	}
}

// precondition evaluates the conditional fields against a representation, in the
// order of RFC 9110 §13.2.2, and returns 0 to go on, 304 or 412.
func (q *asked) precondition(etag string, modified time.Time) int {
	switch {
	case q.ifMatch != nil:
		if !listed(q.ifMatch, etag, strongComparison) {
			return http.StatusPreconditionFailed
		}
	case q.ifUnmodifiedSince != nil:
		if t, ok := parseDate(q.ifUnmodifiedSince); ok && !modified.IsZero() && modified.After(t) {
			return http.StatusPreconditionFailed
		}
	}
	switch {
	case q.ifNoneMatch != nil:
		if listed(q.ifNoneMatch, etag, weakComparison) {
			return http.StatusNotModified
		}
	case q.ifModifiedSince != nil:
		if t, ok := parseDate(q.ifModifiedSince); ok && !modified.IsZero() && !modified.After(t) {
			return http.StatusNotModified
		}
	}
	return 0
}

// wantsRange reports whether there is a Range field that If-Range, if present,
// lets count (RFC 9110 §13.1.5).
func (q *asked) wantsRange(etag string, modified time.Time) bool {
	if q.byteRange == nil || q.ifRange == nil {
		return q.byteRange != nil
	}
	if v := q.ifRange; len(v) > 0 && (v[0] == '"' || v[0] == 'W') && v[len(v)-1] == '"' {
		return string(v) == etag
	}
	t, ok := parseDate(q.ifRange)
	return ok && t.Equal(modified)
}

// parseDate takes the three forms of an HTTP-date (RFC 9110 §5.6.7).
func parseDate(v []byte) (time.Time, bool) {
	t, err := http.ParseTime(string(v))
	return t, err == nil
}

// comparison is how entity-tags are compared (RFC 9110 §8.8.3.2).
type comparison bool

const (
	strongComparison comparison = false // weak ones match nothing
	weakComparison   comparison = true
)

// listed reports whether a list of entity-tags has a strong one, or is "*".
func listed(list []byte, etag string, c comparison) bool {
	if string(list) == "*" {
		return true
	}
	for {
		list = bytes.TrimLeft(list, " \t,")
		tag, isWeak := bytes.CutPrefix(list, []byte("W/"))
		if len(tag) == 0 || tag[0] != '"' {
			return false
		}
		end := bytes.IndexByte(tag[1:], '"')
		if end < 0 {
			return false
		}
		tag, list = tag[:end+2], tag[end+2:]
		if string(tag) == etag && (c == weakComparison || !isWeak) {
			return true
		}
	}
}

package pagecache

import (
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"unsafe"
)

// DateLen is the length in bytes of an IMF-fixdate (RFC 9110 §5.6.7), the
// only form of Date that a page has a slot for.
const DateLen = 29

// Errors of Build and Fill. A page is made once and sent many times, so what must not
// be in it is refused here and never checked again.
var (
	ErrStatus     = errors.New("pagecache: status is outside 200..599")
	ErrFieldName  = errors.New("pagecache: field name is not a token (RFC 9110 §5.1)")
	ErrFieldValue = errors.New("pagecache: field value holds a control character (RFC 9110 §5.5)")
	ErrFieldOwned = errors.New("pagecache: field is written by the page or by the connection")
	ErrSize       = errors.New("pagecache: body or fields are larger than 1 GiB, or the size is negative")
)

// What keeps the offsets in a page within 32 bits.
const (
	maxBody  = 1 << 30
	maxHeads = 1 << 30
)

// A Page is one whole HTTP/1.1 response in one contiguous buffer:
//
//	status line | fields | Content-Length | "Date: " slot CRLF | CRLF | body
//
// The Date line is the last of the head, so that whoever sends the page pastes
// 29 bytes into the slot and may add lines that belong to the connection (not
// to the page) between TailOffset and the blank line. A Page is immutable and
// safe for any number of senders. Its bytes stay as they are for as long as
// anybody holds the Page or a part of it, in a Cache or not.
type Page struct {
	buf              []byte // never written after Fill; what cap has beyond len holds notModified
	notModified      *Page
	dateOff, bodyOff uint32 // where the slot and the body start
	status           uint16
	derived          atomic.Pointer[[]byte] // see Derived
}

// Build makes the page for a status, its fields and a body, which is copied.
// Content-Length and Date are the page's own; Connection, Keep-Alive,
// Transfer-Encoding, Trailer and Upgrade belong to the connection: all are refused.
// Statuses 204 and 304 get neither Content-Length nor body (RFC 9110 §15.3.5, §15.4.5).
func Build(status int, fields []Field, body []byte) (*Page, error) {
	return Fill(status, fields, len(body), func(dst []byte) error { copy(dst, body); return nil })
}

// Fill makes a page as Build does, with a body of size bytes that fill writes in
// place, so that there is never a second copy of it. fill gets the body zeroed
// and must not keep it; its error is returned as it is. It is not called when there is no body.
func Fill(status int, fields []Field, size int, fill func(body []byte) error) (*Page, error) {
	return assemble(status, fields, int64(size), size, fill)
}

// BuildHead makes a page as Build does, but of a head alone: for a body of length bytes
// that is sent from elsewhere, such as an open file. Its Body is empty.
func BuildHead(status int, fields []Field, length int64) (*Page, error) {
	return assemble(status, fields, length, 0, nil)
}

// assemble makes a page with a body of size bytes that says that it has length.
func assemble(status int, fields []Field, length int64, size int, fill func(body []byte) error) (*Page, error) {
	if status < 200 || status > 599 {
		return nil, ErrStatus
	}
	for _, f := range fields {
		if err := checkField(f); err != nil {
			return nil, fmt.Errorf("%w: %q", err, f.Name)
		}
	}
	if length < 0 || size > maxBody {
		return nil, ErrSize
	}
	if status == http.StatusNoContent || status == http.StatusNotModified {
		length, size = noLength, 0
	}
	head := appendHead(make([]byte, 0, headSize), status, fields, length)
	second := appendHead(make([]byte, 0, headSize), http.StatusNotModified, steering(fields), noLength)
	if len(head)+len(second) > maxHeads {
		return nil, ErrSize
	}
	end := len(head) + size
	buf := slices.Grow([]byte(nil), end+len(second))[:end+len(second)] // cap tells what the allocation takes
	copy(buf, head)
	if size > 0 {
		if err := fill(buf[len(head):end:end]); err != nil {
			return nil, err
		}
	}
	copy(buf[end:], second)
	two := new([2]Page)
	two[0] = newPage(buf[:end], len(head), status)
	two[1] = newPage(buf[end:len(buf):len(buf)], len(second), http.StatusNotModified)
	two[0].notModified, two[1].notModified = &two[1], &two[1]
	return &two[0], nil
}

func newPage(buf []byte, head, status int) Page {
	return Page{buf: buf, dateOff: uint32(head - DateLen - len("\r\n\r\n")), bodyOff: uint32(head), status: uint16(status)}
}

// held returns the bytes of memory that p keeps: its own and its 304 response's.
func (p *Page) held() int64 { return int64(cap(p.buf)) + int64(unsafe.Sizeof([2]Page{})) }

// Status returns the page's status code.
func (p *Page) Status() int { return int(p.status) }

// Bytes returns the whole response. The slot holds the epoch; a sender
// replaces it on the way out and never writes into these bytes.
func (p *Page) Bytes() []byte { return p.buf[:len(p.buf):len(p.buf)] }

// DateOffset returns where the 29-byte Date slot starts in Bytes.
func (p *Page) DateOffset() int { return int(p.dateOff) }

// TailOffset returns the offset in Bytes just behind the Date line: the place
// for lines of the connection, followed by the blank line and the body.
func (p *Page) TailOffset() int { return int(p.dateOff) + DateLen + len("\r\n") }

// BodyOffset returns where the body starts in Bytes; a HEAD answer ends there.
func (p *Page) BodyOffset() int { return int(p.bodyOff) }

// Head returns the response to HEAD: the page without its body.
func (p *Page) Head() []byte { return p.buf[:p.bodyOff:p.bodyOff] }

// Body returns the body. It must not be changed.
func (p *Page) Body() []byte { return p.buf[p.bodyOff:len(p.buf):len(p.buf)] }

// Fields yields the fields given to Build, without Content-Length and Date. Their
// strings are parts of the page: nothing is allocated, and who keeps one keeps the page.
func (p *Page) Fields() iter.Seq[Field] {
	return func(yield func(Field) bool) {
		head := unsafe.String(&p.buf[0], len(p.buf))[:int(p.dateOff)-len("Date: ")]
		_, lines, _ := strings.Cut(head, "\r\n")
		for len(lines) > 0 {
			var line string
			line, lines, _ = strings.Cut(lines, "\r\n")
			name, value, _ := strings.Cut(line, ": ")
			if name != contentLength && !yield(Field{name, value}) {
				return
			}
		}
	}
}

// Field returns the value of the first field of that name, compared without
// case, or "". It is a part of the page, as with Fields.
func (p *Page) Field(name string) string {
	for f := range p.Fields() {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// NotModified returns the 304 response that may stand for p (RFC 9110 §15.4.5).
// It has those fields of p that steer caches: Cache-Control, Content-Location, ETag,
// Expires and Vary, and Last-Modified when there is no ETag to know the
// representation by. It lies in p's own allocation.
func (p *Page) NotModified() *Page { return p.notModified }

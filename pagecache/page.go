package pagecache

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// DateLen is the length in bytes of an IMF-fixdate (RFC 9110 §5.6.7), the
// only form of Date that a page has a slot for.
const DateLen = 29

// Errors of Build. A page is made once and sent many times, so what must not
// be in it is refused here and never checked again.
var (
	ErrStatus     = errors.New("pagecache: status is outside 200..599")
	ErrFieldName  = errors.New("pagecache: field name is not a token (RFC 9110 §5.1)")
	ErrFieldValue = errors.New("pagecache: field value holds a control character (RFC 9110 §5.5)")
	ErrFieldOwned = errors.New("pagecache: field is written by the page or by the connection")
)

// A Field is one header field of a page, in the order and spelling given.
type Field struct {
	Name, Value string
}

// A Page is one whole HTTP/1.1 response in one contiguous buffer:
//
//	status line | fields | Content-Length | "Date: " slot CRLF | CRLF | body
//
// The Date line is the last of the head, so that whoever sends the page pastes
// 29 bytes into the slot and may add lines that belong to the connection (not
// to the page) between TailOffset and the blank line. A Page is immutable and
// safe for any number of senders.
type Page struct {
	buf     []byte // owned; never written after Build
	dateOff int    // start of the slot
	bodyOff int    // start of the body
	status  int
	fields  []Field
}

// Build makes the page for a status, its fields and a body, which is copied.
// Content-Length and Date are the page's own; Connection, Keep-Alive,
// Transfer-Encoding, Trailer and Upgrade belong to the connection: all are refused.
// Statuses 204 and 304 get neither Content-Length nor body (RFC 9110 §15.3.5, §15.4.5).
func Build(status int, fields []Field, body []byte) (*Page, error) {
	if status < 200 || status > 599 {
		return nil, ErrStatus
	}
	bodiless := status == http.StatusNoContent || status == http.StatusNotModified
	if bodiless {
		body = nil
	}
	for _, f := range fields {
		if err := checkField(f); err != nil {
			return nil, fmt.Errorf("%w: %q", err, f.Name)
		}
	}
	return build(status, slices.Clone(fields), body, !bodiless), nil
}

// build assembles a page of checked parts. It takes fields over.
func build(status int, fields []Field, body []byte, length bool) *Page {
	h := make([]byte, 0, headSize)
	h = append(h, "HTTP/1.1 "...)
	h = strconv.AppendInt(h, int64(status), 10)
	h = append(h, ' ')
	h = append(h, http.StatusText(status)...)
	h = append(h, "\r\n"...)
	for _, f := range fields {
		h = append(h, f.Name...)
		h = append(h, ": "...)
		h = append(h, f.Value...)
		h = append(h, "\r\n"...)
	}
	if length {
		h = append(h, "Content-Length: "...)
		h = strconv.AppendInt(h, int64(len(body)), 10)
		h = append(h, "\r\n"...)
	}
	h = append(h, "Date: "...)
	dateOff := len(h)
	h = append(h, "Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n"...)
	buf := make([]byte, len(h)+len(body))
	copy(buf[copy(buf, h):], body)
	return &Page{buf: buf, dateOff: dateOff, bodyOff: len(h), status: status, fields: fields}
}

// headSize is what a head seldom exceeds, in bytes.
const headSize = 512

func checkField(f Field) error {
	switch {
	case !httpguts.ValidHeaderFieldName(f.Name):
		return ErrFieldName
	case !httpguts.ValidHeaderFieldValue(f.Value):
		return ErrFieldValue
	}
	switch http.CanonicalHeaderKey(f.Name) {
	case "Content-Length", "Date", "Connection", "Keep-Alive", "Transfer-Encoding", "Trailer", "Upgrade":
		return ErrFieldOwned
	}
	return nil
}

// Status returns the page's status code.
func (p *Page) Status() int { return p.status }

// Bytes returns the whole response. The slot holds the epoch; a sender
// replaces it on the way out and never writes into these bytes.
func (p *Page) Bytes() []byte { return p.buf }

// DateOffset returns where the 29-byte Date slot starts in Bytes.
func (p *Page) DateOffset() int { return p.dateOff }

// TailOffset returns the offset in Bytes just behind the Date line: the place
// for lines of the connection, followed by the blank line and the body.
func (p *Page) TailOffset() int { return p.dateOff + DateLen + 2 }

// BodyOffset returns where the body starts in Bytes; a HEAD answer ends there.
func (p *Page) BodyOffset() int { return p.bodyOff }

// Head returns the response to HEAD: the page without its body.
func (p *Page) Head() []byte { return p.buf[:p.bodyOff:p.bodyOff] }

// Body returns the body. It must not be changed.
func (p *Page) Body() []byte { return p.buf[p.bodyOff:] }

// Fields returns the fields given to Build, without Content-Length and Date.
// The slice must not be changed.
func (p *Page) Fields() []Field { return p.fields }

// Field returns the value of the first field of that name, compared without
// case, or "".
func (p *Page) Field(name string) string {
	for i := range p.fields {
		if strings.EqualFold(p.fields[i].Name, name) {
			return p.fields[i].Value
		}
	}
	return ""
}

// NotModified returns the 304 response that may stand for p (RFC 9110 §15.4.5).
// It has those fields of p that steer caches: Cache-Control, Content-Location, ETag,
// Expires and Vary, and Last-Modified when there is no ETag to know the
// representation by.
func (p *Page) NotModified() *Page {
	var fields []Field
	tagged := p.Field("ETag") != ""
	for _, f := range p.fields {
		switch http.CanonicalHeaderKey(f.Name) {
		case "Cache-Control", "Content-Location", "Etag", "Expires", "Vary":
			fields = append(fields, f)
		case "Last-Modified":
			if !tagged {
				fields = append(fields, f)
			}
		}
	}
	return build(http.StatusNotModified, fields, nil, false)
}

// Package direct is the path below the http.Handler stack: requests are seen
// as slices of the connection's buffer and responses are described, not
// written, so that a route costs no heap allocation and every protocol engine
// can send the answer in its own way.
//
// Its types are Ctx (one request and its response, the only one that a
// handler sees), Request and Response (the engine's side of a Ctx), and Routes.
package direct

import (
	"errors"
	"io"
	"net/http"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/net/http/httpguts"

	"github.com/hyperion-server/hyperion/pagecache"
)

// Errors of the response methods of Ctx.
var (
	ErrFieldName  = errors.New("goserver: header name is not a token (RFC 9110 §5.1)")
	ErrFieldValue = errors.New("goserver: header value holds a control character (RFC 9110 §5.5)")
	ErrFieldOwned = errors.New("goserver: header is written by the server (Content-Length, Connection, Transfer-Encoding, Date, ...)")
)

// A Field is one request header field; it is goserver.Field, which tells of it.
type Field = struct{ Name, Value []byte }

// A Handler answers one request by describing the response on the Ctx. It may
// block; it must not keep the Ctx, nor any slice got from it, after it returns.
type Handler func(*Ctx)

// Request is the engine's half of a Ctx. All slices alias the connection's
// buffer and live until the handler returns.
type Request struct {
	Method string // a constant for the registered methods, else a copy
	Path   []byte // as sent, not decoded, starts with "/" (or is "*")
	Query  []byte // as sent, without "?"
	Host   []byte // of the target in absolute-form, else of the Host field
	Fields []Field
	Remote netip.AddrPort // zero for peers without an IP address
	Minor  int            // HTTP/1.Minor; 0 for later versions
	TLS    bool
	Body   io.Reader // nil when the request has no body
}

// A Segment is a piece of a response body: Bytes, or N bytes of File from Off.
type Segment struct {
	Bytes  []byte // must stay unchanged until the response is sent
	File   File
	Off, N int64
}

// A File is what a Segment sends bytes of, such as an *os.File. It is used by one
// goroutine for each response, and by several responses at once.
type File interface {
	syscall.Conn // for the kernel to read it
	io.ReaderAt
	Name() string // for the log
}

// Shrank tells a File that it had fewer bytes than were promised of it, if it has
// a method Shrank to hear of that.
func Shrank(f File) {
	if f, ok := f.(interface{ Shrank() }); ok {
		f.Shrank()
	}
}

// Response is what a handler described. The engine sends it after the handler
// returned: either Page, or Head and Segments, or Status, fields and the body
// (Body, then Segments).
type Response struct {
	Status    int    // 0 means 200
	MediaType string // Content-Type is MediaType, then "; charset=" Charset when that is not empty
	Charset   string
	Header    []byte // "Name: value\r\n" lines, validated; owned by the Ctx
	Body      []byte // bytes written; owned by the Ctx
	Segments  []Segment
	Page      *pagecache.Page
	Head      *pagecache.Page // of which the head is sent; its Content-Length is that of Segments
	Closers   []io.Closer     // closed when the response is sent or has failed
	Close     bool            // end the connection after the response
}

// A Ctx is one request and the response to it. It lives from the call of its
// handler until that returns; then it and its buffers serve another request.
// It must not be used by two goroutines at once. goserver.Ctx has the same methods, for
// programs.
type Ctx struct {
	req    Request
	resp   Response
	params []param
	decode []byte // scratch for percent-decoded path values
}

type param struct {
	name  string
	value []byte
}

// Method returns the request method.
func (c *Ctx) Method() string { return c.req.Method }

// Path returns the path as sent: not decoded, not cleaned, without the query.
// Valid until the handler returns.
func (c *Ctx) Path() []byte { return c.req.Path }

// Query returns the query as sent, without "?". Valid until the handler returns.
func (c *Ctx) Query() []byte { return c.req.Query }

// Host returns the host (and port, if any) that the request is for. Valid
// until the handler returns.
func (c *Ctx) Host() []byte { return c.req.Host }

// RemoteAddr returns the peer's address; the zero value when it has none.
func (c *Ctx) RemoteAddr() netip.AddrPort { return c.req.Remote }

// TLS reports whether the request came over TLS.
func (c *Ctx) TLS() bool { return c.req.TLS }

// Header returns the value of the first request field of that name, compared
// without case, or nil. Valid until the handler returns.
func (c *Ctx) Header(name string) []byte {
	for i := range c.req.Fields {
		if f := &c.req.Fields[i]; len(f.Name) == len(name) && equalFold(f.Name, name) {
			return f.Value
		}
	}
	return nil
}

// HeaderCount returns how many request fields have that name.
func (c *Ctx) HeaderCount(name string) (n int) {
	for i := range c.req.Fields {
		if f := &c.req.Fields[i]; len(f.Name) == len(name) && equalFold(f.Name, name) {
			n++
		}
	}
	return n
}

// Fields returns all request fields in order. Valid until the handler returns.
func (c *Ctx) Fields() []Field { return c.req.Fields }

// PathValue returns the decoded value of a wildcard of the matched pattern, or
// nil. Valid until the handler returns.
func (c *Ctx) PathValue(name string) []byte {
	for i := range c.params {
		if c.params[i].name == name {
			return c.params[i].value
		}
	}
	return nil
}

// Body returns the request body; it reads as empty when there is none. Its
// errors are those of a body in net/http, with the server's limits applied.
func (c *Ctx) Body() io.Reader {
	if c.req.Body == nil {
		return http.NoBody
	}
	return c.req.Body
}

// SetStatus sets the status code, 200 unless set. It panics outside 200..599:
// interim responses are not the handler's on this path.
func (c *Ctx) SetStatus(code int) {
	if code < 200 || code > 599 {
		panic("goserver: SetStatus: code outside 200..599")
	}
	c.resp.Status = code
}

// SetContentType sets the media type and, unless empty, its charset parameter.
// They are joined once, when the head is written. Both must be constants or
// outlive the response.
func (c *Ctx) SetContentType(mediaType, charset string) {
	c.resp.MediaType, c.resp.Charset = mediaType, charset
}

// AddHeader adds a response field. Content-Type has a method of its own;
// fields that the server writes are refused.
func (c *Ctx) AddHeader(name, value string) error {
	switch {
	case !httpguts.ValidHeaderFieldName(name):
		return ErrFieldName
	case !httpguts.ValidHeaderFieldValue(value):
		return ErrFieldValue
	case ownedField(name):
		return ErrFieldOwned
	}
	h := append(c.resp.Header, name...)
	h = append(h, ": "...)
	h = append(h, value...)
	c.resp.Header = append(h, "\r\n"...)
	return nil
}

// ownedField reports whether only the server writes fields of that name.
func ownedField(name string) bool {
	switch len(name) {
	case 4:
		return equalFold("date", name)
	case 7:
		return equalFold("trailer", name) || equalFold("upgrade", name)
	case 10:
		return equalFold("connection", name) || equalFold("keep-alive", name)
	case 12:
		return equalFold("content-type", name)
	case 14:
		return equalFold("content-length", name)
	case 17:
		return equalFold("transfer-encoding", name)
	}
	return false
}

// Write appends to the body, which is sent when the handler returned. It never fails.
func (c *Ctx) Write(p []byte) (int, error) {
	c.resp.Body = append(c.resp.Body, p...)
	return len(p), nil
}

// WriteString is Write for a string.
func (c *Ctx) WriteString(s string) (int, error) {
	c.resp.Body = append(c.resp.Body, s...)
	return len(s), nil
}

// SendBytes appends bytes to the body without copying them: they follow what
// Write gave and must stay unchanged until the response has left.
func (c *Ctx) SendBytes(p []byte) {
	c.resp.Segments = append(c.resp.Segments, Segment{Bytes: p, N: int64(len(p))})
}

// SendFile appends n bytes of f from offset off to the body. f stays open until
// the response has left: see CloseAfter. A file that turns out shorter ends
// the connection, since Content-Length was promised.
func (c *Ctx) SendFile(f *os.File, off, n int64) {
	c.resp.Segments = append(c.resp.Segments, Segment{File: f, Off: off, N: n})
}

// CloseAfter hands over a closer that is called when the response was sent or failed.
func (c *Ctx) CloseAfter(cl io.Closer) { c.resp.Closers = append(c.resp.Closers, cl) }

// SendPage answers with a prebuilt page; everything else said of the response
// is ignored. On HEAD only its head is sent.
func (c *Ctx) SendPage(p *pagecache.Page) { c.resp.Page = p }

// CloseConnection ends the connection after this response.
func (c *Ctx) CloseConnection() { c.resp.Close = true }

// SendFile is Ctx.SendFile for any File.
func SendFile(c *Ctx, f File, off, n int64) {
	c.resp.Segments = append(c.resp.Segments, Segment{File: f, Off: off, N: n})
}

// SendHead answers with the head of a prebuilt page, which tells the length of the
// file's bytes that follow it: n from offset off. Everything else said of the
// response is ignored. On HEAD only the head is sent. f stays open as for SendFile.
func SendHead(c *Ctx, head *pagecache.Page, f File, off, n int64) {
	c.resp.Head = head
	c.resp.Segments = append(c.resp.Segments[:0], Segment{File: f, Off: off, N: n})
}

// Describe gives the engine both halves of a Ctx. The Request is the engine's
// to fill before the handler runs, the Response to send after it.
func Describe(c *Ctx) (*Request, *Response) { return &c.req, &c.resp }

// Reset forgets the request and the response, calls nobody and keeps the
// buffers, unless they grew beyond keep bytes.
func Reset(c *Ctx, keep int) {
	r := &c.resp
	clear(r.Segments)
	clear(r.Closers)
	*r = Response{Header: r.Header[:0], Body: r.Body[:0], Segments: r.Segments[:0], Closers: r.Closers[:0]}
	if cap(r.Body) > keep {
		r.Body = nil
	}
	if cap(r.Header) > keep {
		r.Header = nil
	}
	c.req = Request{}
	c.params = c.params[:0]
	c.decode = c.decode[:0]
}

// equalFold compares ASCII without case; the lengths are known to be equal
// or are compared first.
func equalFold[B ~[]byte | ~string](b B, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i := range len(s) {
		x, y := b[i], s[i]
		if x != y && (x|0x20 != y|0x20 || x|0x20 < 'a' || x|0x20 > 'z') {
			return false
		}
	}
	return true
}

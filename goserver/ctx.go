package goserver

import (
	"io"
	"net/netip"
	"os"

	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/pagecache"
)

// A Ctx is one request on the direct path and the response to it. It lives
// from the call of its handler until that returns: the Ctx and every slice got
// from it are recycled then, and must be copied to be kept. It must not be used by
// two goroutines at once.
//
// The response is described, and sent when the handler has returned: status, header and
// body, or a page in their place.
type Ctx direct.Ctx

// A Handler answers one request on the direct path (see Server.Handle). It may block. It
// must not keep the Ctx, nor any slice got from it, after it returns.
type Handler func(*Ctx)

// A Field is one request header field of a Ctx: the name as the client has
// written it, and the value without white space around it.
type Field = struct{ Name, Value []byte }

func (c *Ctx) inner() *direct.Ctx { return (*direct.Ctx)(c) }

// Method returns the request method.
func (c *Ctx) Method() string { return c.inner().Method() }

// Path returns the path as sent: not decoded, not cleaned, without the query.
func (c *Ctx) Path() []byte { return c.inner().Path() }

// PathValue returns the decoded value of a wildcard of the matched pattern, or nil.
func (c *Ctx) PathValue(name string) []byte { return c.inner().PathValue(name) }

// Query returns the query as sent, without "?".
func (c *Ctx) Query() []byte { return c.inner().Query() }

// Host returns the host (and port, if any) that the request is for.
func (c *Ctx) Host() []byte { return c.inner().Host() }

// RemoteAddr returns the peer's address; the zero value when it has none.
func (c *Ctx) RemoteAddr() netip.AddrPort { return c.inner().RemoteAddr() }

// TLS reports whether the request came over TLS.
func (c *Ctx) TLS() bool { return c.inner().TLS() }

// Header returns the value of the first request field of that name, compared
// without case, or nil.
func (c *Ctx) Header(name string) []byte { return c.inner().Header(name) }

// HeaderCount returns how many request fields have that name.
func (c *Ctx) HeaderCount(name string) int { return c.inner().HeaderCount(name) }

// Fields returns all request fields in the order in which they came.
func (c *Ctx) Fields() []Field { return c.inner().Fields() }

// Body returns the request body; it reads as empty when there is none. Its
// errors are those of a body in net/http, with the server's limits applied.
func (c *Ctx) Body() io.Reader { return c.inner().Body() }

// SetStatus sets the status code, 200 unless set. It panics outside 200..599:
// interim responses are not the handler's on this path.
func (c *Ctx) SetStatus(code int) { c.inner().SetStatus(code) }

// SetContentType sets the media type and, unless empty, its charset parameter.
// They are joined once, when the head is written. Both must be constants or
// outlive the response.
func (c *Ctx) SetContentType(mediaType, charset string) { c.inner().SetContentType(mediaType, charset) }

// AddHeader adds a response field, or returns ErrFieldName or ErrFieldValue. Content-Type has a
// method of its own; fields that the server writes are refused with ErrFieldOwned.
func (c *Ctx) AddHeader(name, value string) error { return c.inner().AddHeader(name, value) }

// Write appends to the body, which is sent when the handler returned. It never fails.
func (c *Ctx) Write(p []byte) (int, error) { return c.inner().Write(p) }

// WriteString is Write for a string.
func (c *Ctx) WriteString(s string) (int, error) { return c.inner().WriteString(s) }

// SendBytes appends bytes to the body without copying them: they follow what
// Write gave and must stay unchanged until the response has left.
func (c *Ctx) SendBytes(p []byte) { c.inner().SendBytes(p) }

// SendFile appends n bytes of f from offset off to the body. f stays open until
// the response has left: see CloseAfter. A file that turns out shorter ends
// the connection, since Content-Length was promised.
func (c *Ctx) SendFile(f *os.File, off, n int64) { c.inner().SendFile(f, off, n) }

// SendPage answers with a prebuilt page; everything else said of the response
// is ignored. On HEAD only its head is sent.
func (c *Ctx) SendPage(p *pagecache.Page) { c.inner().SendPage(p) }

// CloseAfter hands over a closer that is called when the response was sent or failed.
func (c *Ctx) CloseAfter(cl io.Closer) { c.inner().CloseAfter(cl) }

// CloseConnection ends the connection after this response.
func (c *Ctx) CloseConnection() { c.inner().CloseConnection() }

// Errors of Ctx.AddHeader.
var (
	ErrFieldName  = direct.ErrFieldName
	ErrFieldValue = direct.ErrFieldValue
	ErrFieldOwned = direct.ErrFieldOwned
)

// Errors of the methods that register routes.
var (
	ErrPatternSyntax   = direct.ErrPatternSyntax
	ErrPatternMethod   = direct.ErrPatternMethod
	ErrPatternTaken    = direct.ErrPatternTaken
	ErrPatternConflict = direct.ErrPatternConflict
	ErrPageWildcard    = direct.ErrPageWildcard
	ErrNoAnswer        = direct.ErrNoAnswer
)

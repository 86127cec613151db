package semantics

import (
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// A Response is what a handler's response comes to, before it has a wire form:
// for an engine's http.ResponseWriter to embed. It is not safe for use by
// several goroutines at once.
type Response struct {
	Fields  http.Header // set by the handler; nil until it asks for it
	Status  int         // 0 until it is chosen
	Length  int64       // of the content: promised by the handler, or known; -1: neither
	Written int64       // bytes of content accepted
	Head    bool        // the request's method is HEAD
	Given   Given
	named   []string // trailers that the Trailer field announced
}

// Given are facts of the fields that the handler set, noted by Include.
type Given struct {
	ContentType, ContentEncoding, Date, TransferEncoding bool
	HSTS                                                 bool // Strict-Transport-Security
	Identity                                             bool // Transfer-Encoding: identity
	Trailers                                             bool
	EventStream                                          bool     // of server-sent events: never held back
	Connection                                           []string // HTTP/1.1's
}

// ErrAfterHandler is what the methods of a response return when its handler has returned.
var ErrAfterHandler = errors.New("http: response written after the handler returned")

// ErrHeadSent is what an Upgrader returns when the response has begun.
var ErrHeadSent = errors.New("http: upgrade of a response that has begun")

// CheckStatus panics for a code that has no three digits, as net/http does.
func CheckStatus(code int) {
	if code < 100 || code > 999 {
		panic(fmt.Sprintf("invalid WriteHeader code %v", code))
	}
}

// BodyAllowed reports whether a response of that status may have content
// (RFC 9110 §6.4.1).
func BodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// Start fixes the status, and takes the length that the handler promised. The
// fields must be gone through with Include next.
func (w *Response) Start(cfg *Config, code int) {
	w.Status = code
	v := w.Fields["Content-Length"]
	if len(v) == 0 || v[0] == "" {
		return
	}
	n, err := strconv.ParseInt(v[0], 10, 64)
	if err != nil || n < 0 {
		cfg.Logf("http: invalid Content-Length of %q", v[0])
		w.Fields.Del("Content-Length")
		return
	}
	w.Length = n
}

// Include reports whether a field of Fields belongs into the head as it is,
// given that its name is valid. Those that depend on the content or the
// connection are only noted.
func (w *Response) Include(name string) bool {
	g := &w.Given
	switch name {
	case "Content-Type":
		g.ContentType = true
		g.EventStream = isEventStream(w.Fields[name])
		return w.Status != http.StatusNotModified
	case "Content-Encoding":
		g.ContentEncoding = w.Fields.Get(name) != ""
	case "Date":
		g.Date = true
	case "Strict-Transport-Security":
		g.HSTS = true
	case "Content-Length":
		return false
	case "Transfer-Encoding":
		te := w.Fields.Get(name)
		g.TransferEncoding, g.Identity = te != "", te == "identity"
		return false
	case "Connection":
		g.Connection = w.Fields[name]
		return false
	case "Trailer":
		w.declareTrailers(w.Fields[name])
	default:
		if strings.HasPrefix(name, http.TrailerPrefix) {
			g.Trailers = true
			return false
		}
	}
	return true
}

// IncludeInterim is Include for the head of an interim response, which has no
// content (RFC 9110 §15.2).
func IncludeInterim(name string) bool {
	return name != "Content-Length" && name != "Transfer-Encoding"
}

func (w *Response) declareTrailers(values []string) {
	w.Given.Trailers = true
	for _, v := range values {
		for name := range strings.SplitSeq(v, ",") {
			name = http.CanonicalHeaderKey(textproto.TrimString(name))
			if httpguts.ValidHeaderFieldName(name) && httpguts.ValidTrailerHeader(name) {
				w.named = append(w.named, name)
			}
		}
	}
}

// Accept checks whether n more bytes of content may be written, and counts
// them. The status must be chosen.
func (w *Response) Accept(n int) error {
	if n == 0 {
		return nil
	}
	if !BodyAllowed(w.Status) {
		return http.ErrBodyNotAllowed
	}
	w.Written += int64(n)
	if w.Length >= 0 && w.Written > w.Length {
		return http.ErrContentLength
	}
	return nil
}

// Settle ends the choice of the head, after Include saw the fields and before
// the first content leaves. final says that the content is complete with size
// bytes, so that its length is known.
func (w *Response) Settle(cfg *Config, final bool, size int) {
	g := &w.Given
	if final && !g.Trailers && !g.TransferEncoding && BodyAllowed(w.Status) && w.Length < 0 && (!w.Head || size > 0) {
		w.Length = int64(size)
		w.Written = int64(size)
	}
	if g.TransferEncoding && !g.Identity && w.Length >= 0 {
		cfg.Logf("http: WriteHeader called with both Transfer-Encoding of %q and a Content-Length of %d",
			w.Fields.Get("Transfer-Encoding"), w.Length)
		w.Length = -1
	}
}

// Sniffs reports whether the head gets the type that the start of the content
// looks like, size bytes of which there are: the handler gave none.
func (w *Response) Sniffs(size int) bool {
	g := &w.Given
	return size > 0 && !g.ContentType && !g.ContentEncoding && !g.TransferEncoding && BodyAllowed(w.Status)
}

// TellsLength reports whether the head says Length.
func (w *Response) TellsLength() bool { return w.Length >= 0 && BodyAllowed(w.Status) }

// Short reports whether less content was written than the head promised.
func (w *Response) Short() bool {
	return w.Length >= 0 && w.Length != w.Written && !w.Head && BodyAllowed(w.Status)
}

// Trailers calls yield for each trailer field: those announced in Trailer, and
// those marked with http.TrailerPrefix.
func (w *Response) Trailers(yield func(name, value string) bool) {
	for _, name := range w.named {
		for _, v := range w.Fields[name] {
			if !yield(name, v) {
				return
			}
		}
	}
	var scratch [4]Line
	for _, l := range Sorted(scratch[:0], w.Fields, http.TrailerPrefix) {
		name := strings.TrimPrefix(l.Name, http.TrailerPrefix)
		if !httpguts.ValidTrailerHeader(name) || !httpguts.ValidHeaderFieldName(name) {
			continue
		}
		for _, v := range l.Values {
			if !yield(name, v) {
				return
			}
		}
	}
}

// AppendValue appends the value of a response field as it is sent: line breaks
// become spaces, as net/http does it, and blanks around it go.
func AppendValue(b []byte, value string) []byte {
	at := len(b)
	b = append(b, value...)
	for i := at; i < len(b); i++ {
		if b[i] == '\r' || b[i] == '\n' {
			b[i] = ' '
		}
	}
	if at < len(b) && (isBlank(b[at]) || isBlank(b[len(b)-1])) {
		b = append(b[:at], Trim(b[at:])...)
	}
	return b
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// isEventStream reports whether the content is a stream of server-sent events.
func isEventStream(contentType []string) bool {
	if len(contentType) == 0 {
		return false
	}
	v, _, _ := strings.Cut(contentType[0], ";")
	return strings.EqualFold(textproto.TrimString(v), "text/event-stream")
}

// SniffLen is how much of the content http.DetectContentType looks at, in bytes.
const SniffLen = 512

// Sniffable returns the start of content that is held in two pieces.
func Sniffable[T []byte | string](held []byte, p T) []byte {
	if len(held) >= SniffLen {
		return held[:SniffLen]
	}
	start := p[:min(len(p), SniffLen-len(held))]
	if len(held) == 0 {
		if b, ok := any(start).([]byte); ok {
			return b
		}
	}
	return append(held[:len(held):len(held)], start...)
}

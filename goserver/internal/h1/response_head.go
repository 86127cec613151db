package h1

import (
	"net/http"
	"net/textproto"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// appendFields appends the handler's fields, all but those that depend on the
// body or the connection: they are only noted.
func (w *response) appendFields(b []byte) []byte {
	g := &w.given
	return appendHeader(b, w.header, func(name string) bool {
		switch name {
		case "Content-Type":
			g.contentType = true
			w.eventStream = isEventStream(w.header[name])
			return w.status != http.StatusNotModified
		case "Content-Encoding":
			g.contentEncoding = w.header.Get(name) != ""
		case "Date":
			g.date = true
		case "Content-Length":
			return false
		case "Transfer-Encoding":
			te := w.header.Get(name)
			g.transferEncoding, g.identity = te != "", te == "identity"
			return false
		case "Connection":
			g.connection = w.header[name]
			return false
		case "Trailer":
			w.declareTrailers(w.header[name])
		default:
			if strings.HasPrefix(name, http.TrailerPrefix) {
				g.trailers = true
				return false
			}
		}
		return true
	})
}

func (w *response) declareTrailers(values []string) {
	w.given.trailers = true
	for _, v := range values {
		for name := range strings.SplitSeq(v, ",") {
			name = http.CanonicalHeaderKey(textproto.TrimString(name))
			if httpguts.ValidHeaderFieldName(name) && httpguts.ValidTrailerHeader(name) {
				w.trailers = append(w.trailers, name)
			}
		}
	}
}

// completeHead ends the head with what depends on the body: its length or
// coding, its type when the handler set none, and whether the connection goes
// on. final says that the body is complete with size bytes; sample is its start.
func (w *response) completeHead(final bool, size int, sample []byte) {
	s, g := w.s, &w.given
	w.headDone = true
	allowed := bodyAllowed(w.status)
	if final && !g.trailers && !g.transferEncoding && allowed && w.contentLength < 0 && (!w.head || size > 0) {
		w.contentLength = int64(size)
		w.written = int64(size)
	}
	if g.transferEncoding && !g.identity && w.contentLength >= 0 {
		s.cfg.logf("http: WriteHeader called with both Transfer-Encoding of %q and a Content-Length of %d",
			w.header.Get("Transfer-Encoding"), w.contentLength)
		w.contentLength = -1
	}
	w.decideFraming(allowed)
	w.decidePersistence(allowed)

	b := s.out
	if allowed && !g.contentType && !g.contentEncoding && !g.transferEncoding && size > 0 {
		b = appendField(b, "Content-Type", http.DetectContentType(sample))
	}
	if !g.date {
		b = appendDate(b, s.cfg.Clock)
	}
	switch {
	case w.chunking:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	case w.contentLength >= 0 && allowed:
		b = appendContentLength(b, w.contentLength)
	}
	b = w.appendConnection(b)
	b = append(b, "\r\n"...)
	s.sent += int64(len(b) - w.headAt)
	s.out = b
}

// decideFraming chooses how the client finds the end of the body
// (RFC 9112 §6.3).
func (w *response) decideFraming(allowed bool) {
	switch {
	case w.head || !allowed || w.contentLength >= 0:
	case w.minor > 0 && !w.given.identity:
		w.chunking = true
	default:
		w.s.keep = false
	}
}

// decidePersistence settles whether the connection goes on (RFC 9112 §9.3).
func (w *response) decidePersistence(allowed bool) {
	s := w.s
	switch {
	case w.minor == 0 && !w.head && allowed && w.contentLength < 0,
		hasToken(w.given.connection, "close"),
		w.status == http.StatusSwitchingProtocols,
		s.cfg.Draining(),
		w.x.body.wantsContinue():
		s.keep = false
	}
}

// appendConnection appends the handler's Connection field where it agrees with
// what will happen, else the server's own.
func (w *response) appendConnection(b []byte) []byte {
	s, given := w.s, w.given.connection
	if s.keep && len(given) > 0 || hasToken(given, "close") || w.status == http.StatusSwitchingProtocols {
		for _, v := range given {
			b = appendField(b, "Connection", v)
		}
		return b
	}
	return appendConnection(b, w.minor, s.keep)
}

// appendTrailers appends the trailer fields: those announced in Trailer, and
// those marked with http.TrailerPrefix.
func (w *response) appendTrailers(b []byte) []byte {
	for _, name := range w.trailers {
		for _, v := range w.header[name] {
			b = appendField(b, name, v)
		}
	}
	if !w.given.trailers && len(w.header) == 0 {
		return b
	}
	var scratch [24]string
	for _, name := range sortedNames(scratch[:0], w.header) {
		if field, ok := strings.CutPrefix(name, http.TrailerPrefix); ok && httpguts.ValidTrailerHeader(field) && httpguts.ValidHeaderFieldName(field) {
			for _, v := range w.header[name] {
				b = appendField(b, field, v)
			}
		}
	}
	return b
}

func hasToken(values []string, token string) bool {
	return len(values) > 0 && httpguts.HeaderValuesContainsToken(values, token)
}

// isEventStream reports whether the body is a stream of server-sent events,
// which is never held back.
func isEventStream(contentType []string) bool {
	if len(contentType) == 0 {
		return false
	}
	v, _, _ := strings.Cut(contentType[0], ";")
	return strings.EqualFold(textproto.TrimString(v), "text/event-stream")
}

// sniffLen is how much of a body http.DetectContentType looks at.
const sniffLen = 512

// sniffable returns the start of a body that is held in two pieces.
func sniffable[T []byte | string](held []byte, p T) []byte {
	if len(held) >= sniffLen {
		return held[:sniffLen]
	}
	start := p[:min(len(p), sniffLen-len(held))]
	if len(held) == 0 {
		if b, ok := any(start).([]byte); ok {
			return b
		}
	}
	return append(held[:len(held):len(held)], start...)
}

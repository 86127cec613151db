package h1

import (
	"net/http"

	"golang.org/x/net/http/httpguts"

	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// completeHead ends the head with what depends on the body: its length or
// coding, its type when the handler set none, and whether the connection goes
// on. final says that the body is complete with size bytes; sample is its start.
func (w *response) completeHead(final bool, size int, sample []byte) {
	s := w.s
	w.headDone = true
	w.Settle(w.cfg, final, size)
	allowed := semantics.BodyAllowed(w.Status)
	w.decideFraming(allowed)
	w.decidePersistence(allowed)

	b := s.out
	if w.Sniffs(size) {
		b = appendField(b, "Content-Type", http.DetectContentType(sample))
	}
	if !w.Given.Date {
		b = appendDate(b, s.cfg.Clock)
	}
	if !w.Given.HSTS {
		b = s.appendHSTS(b)
	}
	switch {
	case w.chunking:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	case w.TellsLength():
		b = appendContentLength(b, w.Length)
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
	case w.Head || !allowed || w.Length >= 0:
	case w.minor > 0 && !w.Given.Identity:
		w.chunking = true
	default:
		w.s.keep = false
	}
}

// decidePersistence settles whether the connection goes on (RFC 9112 §9.3).
func (w *response) decidePersistence(allowed bool) {
	s := w.s
	switch {
	case w.minor == 0 && !w.Head && allowed && w.Length < 0,
		hasToken(w.Given.Connection, "close"),
		w.Status == http.StatusSwitchingProtocols,
		s.cfg.Draining(),
		w.x.body.wantsContinue():
		s.keep = false
	}
}

// appendConnection appends the handler's Connection field where it agrees with
// what will happen, else the server's own.
func (w *response) appendConnection(b []byte) []byte {
	s, given := w.s, w.Given.Connection
	if s.keep && len(given) > 0 || hasToken(given, "close") || w.Status == http.StatusSwitchingProtocols {
		for _, v := range given {
			b = appendField(b, "Connection", v)
		}
		return b
	}
	return appendConnection(b, w.minor, s.keep)
}

func hasToken(values []string, token string) bool {
	return len(values) > 0 && httpguts.HeaderValuesContainsToken(values, token)
}

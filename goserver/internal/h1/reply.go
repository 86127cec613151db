package h1

import (
	"net/http"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/access"
)

// Rules that time or the server's load break; those of the syntax are in errors.go.
var (
	errHeaderTimeout = rule(http.StatusRequestTimeout, "RFC 9110 §15.5.9", "request head took too long")
	errBodyTimeout   = rule(http.StatusRequestTimeout, "RFC 9110 §15.5.9", "request body stopped arriving")
	errBodyTooSlow   = rule(http.StatusRequestTimeout, "RFC 9110 §15.5.9", "request body arrives too slowly")
	errTargetURL     = rule(http.StatusBadRequest, "RFC 3986 §2.1", "request target is not a valid URL")
	errOverload      = rule(http.StatusServiceUnavailable, "RFC 9110 §15.6.4", "server is at its limit of requests in flight")
	errPanic         = rule(http.StatusInternalServerError, "RFC 9110 §15.6.1", "internal server error")
)

// refuse answers a request that broke a rule before any handler saw it, and
// ends the connection.
func (s *session) refuse(e *Error) {
	s.cfg.Counters.Refused.Add(1)
	s.keep = false
	s.sent = 0
	if s.cfg.Done != nil {
		s.rec = access.Record{Start: time.Now(), Remote: s.conn.Remote(), Method: "-", Proto: "-"}
		if s.head.Method != "" {
			s.rec.Method, s.rec.Path = s.head.Method, s.head.Target
		}
	}
	s.reply(e, 1, false)
	bump(&s.tally.requests, 1)
	bump(&s.tally.bytesOut, s.sent)
	s.endRecord()
}

// reply appends the server's own answer to a broken rule: the status and one
// line that names the rule.
func (s *session) reply(e *Error, minor int, head bool) {
	s.flushPages()
	s.status = e.Status
	at := len(s.out)
	b := appendStatusLine(s.out, minor, e.Status)
	b = append(b, "Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n"...)
	if e == errOverload {
		b = append(b, "Retry-After: 1\r\n"...)
	}
	b = appendContentLength(b, int64(len(e.Rule)+1))
	b = appendDate(b, s.cfg.Clock)
	b = appendConnection(b, minor, s.keep)
	b = append(b, "\r\n"...)
	if !head {
		b = append(b, e.Rule...)
		b = append(b, '\n')
	}
	s.sent += int64(len(b) - at)
	s.out = b
}

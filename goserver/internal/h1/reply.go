package h1

import "github.com/hyperion-server/hyperion/goserver/internal/semantics"

// refuse answers a request that broke a rule before any handler saw it, and
// ends the connection.
func (s *Session) refuse(e *semantics.Error) {
	s.cfg.Counters.Refused.Add(1)
	s.keep = false
	s.sent = 0
	if s.cfg.Done != nil {
		s.head.BeginRefused(&s.rec, s.conn.Remote())
	}
	s.reply(e, 1, false)
	semantics.Bump(&s.tally.Requests, 1)
	semantics.Bump(&s.tally.BytesOut, s.sent)
	s.endRecord()
}

// reply appends the server's own answer to a broken rule: the status and one
// line that names the rule.
func (s *Session) reply(e *semantics.Error, minor int, head bool) {
	s.flushPages()
	s.status = e.Status
	at := len(s.out)
	b := appendStatusLine(s.out, minor, e.Status)
	for _, f := range e.Fields() {
		b = append(b, f.Name...)
		b = append(b, ": "...)
		b = append(b, f.Value...)
		b = append(b, crlf...)
	}
	b = appendContentLength(b, e.BodyLen())
	b = appendDate(b, s.cfg.Clock)
	b = s.appendHSTS(b)
	b = appendConnection(b, minor, s.keep)
	b = append(b, "\r\n"...)
	if !head {
		b = e.AppendBody(b)
	}
	s.sent += int64(len(b) - at)
	s.out = b
}

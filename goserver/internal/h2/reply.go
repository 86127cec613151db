package h2

import (
	"strings"

	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
	"github.com/hyperion-server/hyperion/hpack"
)

// refuse answers a request that broke a rule before any handler saw it.
func (c *conn) refuse(st *stream, e *semantics.Error) {
	s := c.s
	c.e.cfg.Counters.CountRefused(e)
	semantics.Bump(&s.tally.Requests, 1)
	c.beginRecord()
	var before, after int64
	c.locked(func() {
		before = c.sent
		c.reply(st, e, s.isHead())
		c.answered(st)
		after = c.sent
	})
	c.endRecord(e.Status, after-before)
}

// reply sends the server's own answer to a broken rule: the status and one line
// that names the rule. c.mu is held.
func (c *conn) reply(st *stream, e *semantics.Error, isHead bool) {
	at := c.beginHead()
	o := c.out()
	b := appendStatus(o.buf, e.Status)
	for _, f := range e.Fields() {
		b = c.enc.AppendString(b, strings.ToLower(f.Name), f.Value, hpack.Index)
	}
	b = appendDate(b, c.e.cfg.Clock.Date())
	b = c.appendHSTS(b)
	o.buf = appendLength(b, e.BodyLen())
	c.endHead(st, at, isHead)
	if !isHead {
		c.provide(st, e.AppendBody(nil), true, true)
	}
}

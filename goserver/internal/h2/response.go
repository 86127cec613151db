package h2

import (
	"net/http"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

func (x *exchange) Header() http.Header {
	if x.res.Fields == nil {
		x.res.Fields = make(http.Header)
	}
	return x.res.Fields
}

func (x *exchange) WriteHeader(code int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.writeHeader(code)
}

func (x *exchange) writeHeader(code int) {
	switch {
	case x.st == nil:
		return
	case x.res.Status != 0:
		x.cfg.Complain("http: superfluous response.WriteHeader call")
		return
	}
	semantics.CheckStatus(code)
	if code < 200 {
		if code != http.StatusSwitchingProtocols { // RFC 9113 §8.6: HTTP/2 has none
			x.interim(code)
		}
		return
	}
	if x.connect && code < 300 { // which would tell the client that it has its tunnel (RFC 9110 §9.3.6)
		code = http.StatusNotImplemented
	}
	x.res.Start(x.cfg, code)
	x.noteFields(x.res.Include)
}

// noteFields keeps the fields as they are now, so that later changes of the
// header map have no effect. They are encoded when they are sent: that is a matter
// of the order in which heads leave.
func (x *exchange) noteFields(include func(string) bool) {
	p := x.pad
	var room [semantics.SortedRoom]semantics.Line
	for _, l := range semantics.Sorted(room[:0], x.res.Fields, "") {
		if !include(l.Name) || ofConnection(l.Name) || !httpguts.ValidHeaderFieldName(l.Name) {
			continue
		}
		lower := lowerName(l.Name)
		for _, v := range l.Values {
			p.fields = append(p.fields, semantics.Field{Name: lower, Value: cleanValue(v)})
		}
	}
}

// cleanValue returns a value as it is sent. Most are clean.
func cleanValue(v string) string {
	n := len(v)
	blank := n > 0 && (v[0] == ' ' || v[0] == '\t' || v[n-1] == ' ' || v[n-1] == '\t')
	for i := 0; i < n && !blank; i++ {
		blank = v[i] == '\r' || v[i] == '\n'
	}
	if !blank {
		return v
	}
	return string(semantics.AppendValue(nil, v))
}

// interim sends a 1xx response with the fields set so far (RFC 9110 §15.2).
func (x *exchange) interim(code int) {
	x.noteFields(semantics.IncludeInterim)
	c := x.c
	c.mu.Lock()
	if c.sendError(x.st) == nil {
		at := c.beginHead()
		o := c.out()
		o.buf = appendStatus(o.buf, code)
		x.appendNoted()
		c.endHead(x.st, at, false)
		c.flushSoon()
	}
	c.mu.Unlock()
	clear(x.pad.fields)
	x.pad.fields = x.pad.fields[:0]
}

// sendContinue sends 100 (Continue), unless the response has begun.
func (c *conn) sendContinue(st *stream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sendError(st) == nil && !st.headSent {
		at := c.beginHead()
		o := c.out()
		o.buf = appendStatus(o.buf, http.StatusContinue)
		c.endHead(st, at, false)
		c.flushSoon()
	}
}

func (x *exchange) appendNoted() {
	for i := range x.pad.fields {
		f := &x.pad.fields[i]
		x.c.appendFieldString(f.Name, f.Value)
	}
}

func (x *exchange) Write(p []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.accept(len(p)); err != nil || len(p) == 0 {
		return 0, err
	}
	return write(x, p)
}

func (x *exchange) WriteString(p string) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.accept(len(p)); err != nil || len(p) == 0 {
		return 0, err
	}
	return write(x, p)
}

// accept checks whether n more bytes may be written.
func (x *exchange) accept(n int) error {
	if x.st == nil {
		return semantics.ErrAfterHandler
	}
	if x.res.Status == 0 {
		x.writeHeader(http.StatusOK)
	}
	return x.res.Accept(n)
}

// smallWrite is the size from which a write behind the head leaves at once;
// smaller ones gather.
const smallWrite = 512

func write[T []byte | string](x *exchange, p T) (int, error) {
	if x.res.Head && x.headSent {
		return len(p), nil
	}
	held := x.pad.buf
	if len(held)+len(p) <= semantics.HeldBytes && (!x.headSent || len(p) < smallWrite) && !x.res.Given.EventStream {
		x.pad.buf = append(held, p...)
		return len(p), nil
	}
	if err := x.sendHead(false, len(held)+len(p), semantics.Sniffable(held, p)); err != nil {
		return 0, err
	}
	if x.res.Head {
		return len(p), nil
	}
	if err := x.sendHeld(false); err != nil {
		return 0, err
	}
	if err := x.c.send(x.st, semantics.Bytes(p), false, false); err != nil {
		return 0, err
	}
	x.sent += int64(len(p))
	if x.res.Given.EventStream {
		x.flush()
	}
	return len(p), nil
}

// sendHead sends the head, once. final says that the content is complete with
// size bytes; sample is its start.
func (x *exchange) sendHead(final bool, size int, sample []byte) error {
	if x.headSent {
		return nil
	}
	x.headSent = true
	c := x.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.sendError(x.st); err != nil {
		return err
	}
	x.headLocked(final, size, sample, x.res.Head || !semantics.BodyAllowed(x.res.Status))
	return nil
}

// headLocked appends the head. c.mu is held.
func (x *exchange) headLocked(final bool, size int, sample []byte, end bool) {
	c, w := x.c, &x.res
	w.Settle(x.cfg, final, size)
	x.st.headSent = true
	at := c.beginHead()
	o := c.out()
	o.buf = appendStatus(o.buf, w.Status)
	x.appendNoted()
	if w.Sniffs(size) {
		c.appendFieldString("content-type", http.DetectContentType(sample))
	}
	if !w.Given.Date {
		o.buf = appendDate(o.buf, x.cfg.Clock.Date())
	}
	if !w.Given.HSTS {
		o.buf = c.appendHSTS(o.buf)
	}
	if httpguts.HeaderValuesContainsToken(w.Given.Connection, "close") { // net/http begins a gentle end, too
		c.closeAfter = true
		c.rearm(c.now() + 1)
	}
	if w.TellsLength() {
		o.buf = appendLength(o.buf, w.Length)
	}
	before := len(o.buf)
	x.sent += int64(before - at)
	c.endHead(x.st, at, end)
}

// sendHeld sends what was held back.
func (x *exchange) sendHeld(end bool) error {
	held := x.pad.buf
	x.pad.buf = held[:0]
	if x.res.Head || len(held) == 0 {
		return nil
	}
	if err := x.c.send(x.st, held, end, false); err != nil {
		return err
	}
	x.sent += int64(len(held))
	return nil
}

func (x *exchange) Flush() { x.FlushError() }

// FlushError sends everything written so far, the head included.
func (x *exchange) FlushError() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.st == nil {
		return semantics.ErrAfterHandler
	}
	if x.res.Status == 0 {
		x.writeHeader(http.StatusOK)
	}
	if err := x.sendHead(false, len(x.pad.buf), x.pad.buf); err != nil {
		return err
	}
	if err := x.sendHeld(false); err != nil {
		return err
	}
	return x.flush()
}

func (x *exchange) flush() error {
	c := x.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.sendError(x.st); err != nil {
		return err
	}
	c.flushLater()
	return nil
}

// finish completes the response after the handler returned. It reports false
// when the client must see that it is not whole. Its lock is held.
func (x *exchange) finish() (whole bool) {
	w := &x.res
	if w.Status == 0 {
		if e := x.body.rule(); e != nil {
			return x.answerRule(e)
		}
		x.writeHeader(http.StatusOK)
	}
	c, st := x.c, x.st
	c.mu.Lock()
	defer c.mu.Unlock()
	st.returned = true
	if c.sendError(st) != nil {
		return false
	}
	held := x.pad.buf
	trailers := w.Given.Trailers || hasTrailers(w)
	if !x.headSent {
		x.headSent = true
		bare := w.Head || !semantics.BodyAllowed(w.Status)
		x.headLocked(true, len(held), held, bare || len(held) == 0 && !trailers && !w.Short())
	}
	if st.localDone {
		return true
	}
	if w.Short() {
		return false
	}
	x.sent += int64(len(held))
	if len(held) > 0 || !trailers {
		if c.finishData(st, held, !trailers) != nil {
			return false
		}
	}
	if trailers {
		x.sendTrailers()
	}
	return true
}

// finishData sends the end of the content, and waits while it cannot leave.
func (c *conn) finishData(st *stream, p []byte, end bool) error {
	if c.queue.n == 0 && int64(len(p)) <= min(st.sendWindow, c.sendWindow) && c.gathered() < outPending {
		st.stable = false
		c.frameData(st, p, end)
		if end {
			c.ended(st)
		}
		return nil
	}
	return c.sendLocked(st, p, nil, end, false)
}

// hasTrailers reports whether there are fields marked with http.TrailerPrefix,
// also when the handler set them after the head.
func hasTrailers(w *semantics.Response) bool {
	for range w.Trailers {
		return true
	}
	return false
}

// sendTrailers ends the response with its trailer section. c.mu is held.
func (x *exchange) sendTrailers() {
	c := x.c
	any := false
	for range x.res.Trailers {
		any = true
		break
	}
	if !any { // announced, but not set
		c.frameData(x.st, nil, true)
		c.ended(x.st)
		return
	}
	at := c.beginHead()
	for name, v := range x.res.Trailers {
		if !ofConnection(name) {
			c.appendFieldString(lowerName(name), cleanValue(v))
		}
	}
	c.endHead(x.st, at, true)
}

// answerRule answers for a handler that gave up because its request broke a rule.
func (x *exchange) answerRule(e *semantics.Error) bool {
	c := x.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sendError(x.st) != nil {
		return false
	}
	x.cfg.Counters.CountRefused(e)
	x.res.Status = e.Status
	c.reply(x.st, e, x.res.Head)
	return true
}

// finishRecord completes the record of the exchange.
func (x *exchange) finishRecord(whole bool) {
	r := x.rec
	r.Duration = time.Since(r.Start)
	r.FirstByte = r.Duration
	r.Status, r.BytesOut = x.res.Status, x.sent
	if x.tunnel != nil {
		r.BytesIn = x.tunnel.received()
		return
	}
	x.c.mu.Lock()
	gone := x.st.err != nil || x.c.dead
	r.BytesIn = x.st.body.total
	x.c.mu.Unlock()
	switch {
	case gone && !x.headSent:
		r.Status = semantics.StatusClientGone
	case !whole && r.Status == 0:
		r.Status = http.StatusInternalServerError // for the log; the client sees none
	}
}

package h1

import (
	"io"
	"net/http"
	"sync"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// A response is the http.ResponseWriter of one exchange. Its methods may be
// called until the handler returns; calls after that fail, and never touch
// what the session has gone on to.
//
// The head is written to the session's buffer when the handler sets the status,
// so that later changes of the header map have no effect, and is completed
// (length, type, connection) when the first bytes must leave.
type response struct {
	mu  sync.Mutex
	s   *Session // nil once the exchange has ended
	x   *exchange
	cfg *semantics.Config

	semantics.Response
	minor    int // of the request's version, as it was: the handler may change its Request
	headAt   int // where the unfinished head starts in the session's buffer
	headDone bool
	chunking bool
	hijacked bool
}

func (w *response) Header() http.Header {
	if w.Fields == nil {
		w.Fields = make(http.Header)
	}
	return w.Fields
}

func (w *response) WriteHeader(code int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writeHeader(code)
}

func (w *response) writeHeader(code int) {
	switch {
	case w.hijacked:
		w.cfg.Complain("http: response.WriteHeader on hijacked connection")
		return
	case w.s == nil:
		return
	case w.Status != 0:
		w.cfg.Complain("http: superfluous response.WriteHeader call")
		return
	}
	semantics.CheckStatus(code)
	if code >= 100 && code < 200 && code != http.StatusSwitchingProtocols {
		w.interim(code)
		return
	}
	w.Start(w.cfg, code)
	s := w.s
	s.status = code
	w.headAt = len(s.out)
	s.out = appendStatusLine(s.out, w.minor, code)
	s.out = w.appendHeader(s.out, w.Include)
}

// interim sends a 1xx response with the fields set so far (RFC 9110 §15.2).
func (w *response) interim(code int) {
	s := w.s
	if w.minor == 0 {
		return // RFC 9110 §15.2: never to an HTTP/1.0 client
	}
	if code == http.StatusContinue && w.x.body != nil {
		w.x.body.continued.Store(true)
	}
	s.out = appendStatusLine(s.out, 1, code)
	s.out = w.appendHeader(s.out, semantics.IncludeInterim)
	s.out = append(s.out, "\r\n"...)
	s.flush()
}

func (w *response) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.accept(len(p)); err != nil || len(p) == 0 {
		return 0, err
	}
	return write(w, p)
}

func (w *response) WriteString(p string) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.accept(len(p)); err != nil || len(p) == 0 {
		return 0, err
	}
	return write(w, p)
}

// accept checks whether n more bytes may be written.
func (w *response) accept(n int) error {
	switch {
	case w.hijacked:
		if n > 0 {
			w.cfg.Complain("http: response.Write on hijacked connection")
		}
		return http.ErrHijacked
	case w.s == nil:
		return semantics.ErrAfterHandler
	}
	if w.Status == 0 {
		w.writeHeader(http.StatusOK)
	}
	return w.Accept(n)
}

// smallChunk is the size from which a write in chunked coding becomes a chunk of
// its own; smaller ones gather.
const smallChunk = 512

func write[T []byte | string](w *response, p T) (int, error) {
	s := w.s
	if w.Head && w.headDone {
		return len(p), nil
	}
	gather := len(s.bodyBuf)+len(p) <= semantics.HeldBytes && (!w.headDone || len(p) < smallChunk)
	if gather && !w.Given.EventStream {
		s.bodyBuf = append(s.bodyBuf, p...)
		return len(p), s.werr
	}
	if !w.headDone {
		w.completeHead(false, len(s.bodyBuf)+len(p), semantics.Sniffable(s.bodyBuf, p))
	}
	w.sendBody(p2b(s, p))
	if w.Given.EventStream {
		s.flush()
	}
	if s.werr != nil {
		return 0, s.werr
	}
	return len(p), nil
}

// p2b returns p as bytes; a string is copied behind what the body buffer holds,
// a slice is not.
func p2b[T []byte | string](s *Session, p T) []byte {
	if b, ok := any(p).([]byte); ok {
		return b
	}
	n := len(s.bodyBuf)
	s.bodyBuf = append(s.bodyBuf, p...)
	b := s.bodyBuf[n:]
	s.bodyBuf = s.bodyBuf[:n]
	return b
}

// sendBody sends what gathered and then p, in the framing of the response.
func (w *response) sendBody(p []byte) {
	s := w.s
	if w.Head {
		s.bodyBuf = s.bodyBuf[:0]
		return
	}
	n := len(s.bodyBuf) + len(p)
	if n == 0 {
		return
	}
	if w.chunking {
		at := len(s.out)
		s.out = AppendChunkHeader(s.out, n)
		s.sent += int64(len(s.out) - at)
	}
	s.emit(s.bodyBuf)
	s.emit(p)
	if w.chunking {
		s.emit(crlf)
	}
	s.bodyBuf = s.bodyBuf[:0]
}

var crlf = []byte("\r\n")

// usable tells why nothing can be done with the response any more, or nil.
func (w *response) usable() error {
	switch {
	case w.hijacked:
		return http.ErrHijacked
	case w.s == nil:
		return semantics.ErrAfterHandler
	}
	return nil
}

func (w *response) Flush() { w.FlushError() }

// FlushError sends everything written so far, the head included.
func (w *response) FlushError() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.usable(); err != nil {
		return err
	}
	if w.Status == 0 {
		w.writeHeader(http.StatusOK)
	}
	s := w.s
	if !w.headDone {
		w.completeHead(false, len(s.bodyBuf), s.bodyBuf)
	}
	w.sendBody(nil)
	s.markFirstByte()
	return s.flush()
}

// finish completes the response after the handler returned. Its lock is held.
func (w *response) finish() {
	s := w.s
	if w.Status == 0 {
		w.writeHeader(http.StatusOK)
	}
	if !w.headDone {
		w.completeHead(true, len(s.bodyBuf), s.bodyBuf)
	}
	w.sendBody(nil)
	if w.chunking && !w.Head {
		at := len(s.out)
		s.out = append(s.out, "0\r\n"...)
		for name, value := range w.Trailers {
			s.out = appendField(s.out, name, value)
		}
		s.out = append(s.out, "\r\n"...)
		s.sent += int64(len(s.out) - at)
	}
	if w.Short() {
		s.keep = false // less was written than promised
	}
}

// abandon drops what of the response has not left: the handler panicked. Its
// lock is held.
func (w *response) abandon() {
	s := w.s
	if w.Status != 0 && !w.headDone {
		s.out = s.out[:w.headAt]
	}
	s.bodyBuf = s.bodyBuf[:0]
	s.keep = false
}

func (w *response) SetReadDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.s == nil {
		return semantics.ErrAfterHandler
	}
	if w.x.body != nil {
		w.x.body.userTimed.Store(true)
	}
	w.s.readTimed.Store(true)
	return w.s.conn.SetReadDeadline(t)
}

func (w *response) SetWriteDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.s == nil {
		return semantics.ErrAfterHandler
	}
	w.s.writeTimed.Store(true)
	return w.s.conn.SetWriteDeadline(t)
}

// EnableFullDuplex does nothing: a handler may always read the body while it
// writes.
func (w *response) EnableFullDuplex() error { return nil }

// CloseNotify implements the deprecated http.CloseNotifier, which older
// libraries still look for.
func (w *response) CloseNotify() <-chan bool {
	ch := make(chan bool, 1)
	done := w.x.Ctx.Done()
	go func() {
		<-done
		w.mu.Lock()
		running := w.s != nil
		w.mu.Unlock()
		if running {
			ch <- true
		}
	}()
	return ch
}

var (
	_ http.Flusher    = (*response)(nil)
	_ http.Hijacker   = (*response)(nil)
	_ io.ReaderFrom   = (*response)(nil)
	_ io.StringWriter = (*response)(nil)
)

// appendHeader appends the fields for which include holds, in sorted order.
// Names that are no tokens are left out, as net/http does it.
func (w *response) appendHeader(b []byte, include func(name string) bool) []byte {
	var room [semantics.SortedRoom]semantics.Line
	for _, l := range semantics.Sorted(room[:0], w.Fields, "") {
		if !include(l.Name) || !httpguts.ValidHeaderFieldName(l.Name) {
			continue
		}
		for _, v := range l.Values {
			b = appendField(b, l.Name, v)
		}
	}
	return b
}

func appendField(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	b = semantics.AppendValue(b, value)
	return append(b, "\r\n"...)
}

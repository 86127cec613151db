package h1

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http/httpguts"
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
	s   *session // nil once the exchange has ended
	x   *exchange
	cfg *Config

	// Of the request, as it was: the handler may change its Request.
	head  bool // the method is HEAD
	minor int  // of the version

	header        http.Header
	contentLength int64 // declared by the handler; -1: not
	written       int64 // body bytes accepted
	status        int   // 0 until WriteHeader
	headAt        int   // where the unfinished head starts in the session's buffer
	headDone      bool
	chunking      bool
	eventStream   bool // flush after each write
	hijacked      bool
	given         givenFields
	trailers      []string // announced names
}

// givenFields are facts of the fields that the handler set, noted while they
// were written.
type givenFields struct {
	contentType, contentEncoding, date, transferEncoding bool
	identity                                             bool // Transfer-Encoding: identity
	trailers                                             bool
	connection                                           []string
}

func (w *response) Header() http.Header {
	if w.header == nil {
		w.header = make(http.Header)
	}
	return w.header
}

func (w *response) WriteHeader(code int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writeHeader(code)
}

func (w *response) writeHeader(code int) {
	switch {
	case w.hijacked:
		w.complain("http: response.WriteHeader on hijacked connection")
		return
	case w.s == nil:
		return
	case w.status != 0:
		w.complain("http: superfluous response.WriteHeader call")
		return
	case code < 100 || code > 999:
		panic(fmt.Sprintf("invalid WriteHeader code %v", code))
	}
	if code >= 100 && code < 200 && code != http.StatusSwitchingProtocols {
		w.interim(code)
		return
	}
	w.status = code
	s := w.s
	s.status = code
	w.takeLength()
	w.headAt = len(s.out)
	s.out = appendStatusLine(s.out, w.minor, code)
	s.out = w.appendFields(s.out)
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
	s.out = appendHeader(s.out, w.header, func(name string) bool {
		return name != "Content-Length" && name != "Transfer-Encoding"
	})
	s.out = append(s.out, "\r\n"...)
	s.flush()
}

// takeLength reads the length that the handler promised.
func (w *response) takeLength() {
	v := w.header["Content-Length"]
	if len(v) == 0 || v[0] == "" {
		return
	}
	n, err := strconv.ParseInt(v[0], 10, 64)
	if err != nil || n < 0 {
		w.s.cfg.logf("http: invalid Content-Length of %q", v[0])
		w.header.Del("Content-Length")
		return
	}
	w.contentLength = n
}

// complain logs a misuse with the place of the caller outside this package.
func (w *response) complain(what string) {
	var pc [16]uintptr
	frames := runtime.CallersFrames(pc[:runtime.Callers(2, pc[:])])
	for {
		f, more := frames.Next()
		if !strings.Contains(f.Function, "goserver/internal/h1.") || !more {
			w.cfg.logf("%s from %s (%s:%d)", what, f.Function, path.Base(f.File), f.Line)
			return
		}
	}
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
			w.complain("http: response.Write on hijacked connection")
		}
		return http.ErrHijacked
	case w.s == nil:
		return errAfterHandler
	}
	if w.status == 0 {
		w.writeHeader(http.StatusOK)
	}
	if n == 0 {
		return nil
	}
	if !bodyAllowed(w.status) {
		return http.ErrBodyNotAllowed
	}
	w.written += int64(n)
	if w.contentLength >= 0 && w.written > w.contentLength {
		return http.ErrContentLength
	}
	return nil
}

var errAfterHandler = errors.New("http: response written after the handler returned")

// smallChunk is the size from which a write in chunked coding becomes a chunk of
// its own; smaller ones gather.
const smallChunk = 512

func write[T []byte | string](w *response, p T) (int, error) {
	s := w.s
	if w.head && w.headDone {
		return len(p), nil
	}
	gather := len(s.bodyBuf)+len(p) <= bodySize && (!w.headDone || len(p) < smallChunk)
	if gather && !w.eventStream {
		s.bodyBuf = append(s.bodyBuf, p...)
		return len(p), s.werr
	}
	if !w.headDone {
		w.completeHead(false, len(s.bodyBuf)+len(p), sniffable(s.bodyBuf, p))
	}
	w.sendBody(p2b(s, p))
	if w.eventStream {
		s.flush()
	}
	if s.werr != nil {
		return 0, s.werr
	}
	return len(p), nil
}

// p2b returns p as bytes; a string is copied behind what the body buffer holds,
// a slice is not.
func p2b[T []byte | string](s *session, p T) []byte {
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
	if w.head {
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
		return errAfterHandler
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
	if w.status == 0 {
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
	if w.status == 0 {
		w.writeHeader(http.StatusOK)
	}
	if !w.headDone {
		w.completeHead(true, len(s.bodyBuf), s.bodyBuf)
	}
	w.sendBody(nil)
	if w.chunking && !w.head {
		at := len(s.out)
		s.out = append(s.out, "0\r\n"...)
		s.out = w.appendTrailers(s.out)
		s.out = append(s.out, "\r\n"...)
		s.sent += int64(len(s.out) - at)
	}
	if w.contentLength >= 0 && w.contentLength != w.written && !w.head && bodyAllowed(w.status) {
		s.keep = false // less was written than promised
	}
}

// abandon drops what of the response has not left: the handler panicked. Its
// lock is held.
func (w *response) abandon() {
	s := w.s
	if w.status != 0 && !w.headDone {
		s.out = s.out[:w.headAt]
	}
	s.bodyBuf = s.bodyBuf[:0]
	s.keep = false
}

func (w *response) SetReadDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.s == nil {
		return errAfterHandler
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
		return errAfterHandler
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
	done := w.x.ctx.Done()
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
// Names that are no tokens are left out and line breaks in values become
// spaces, as net/http does it.
func appendHeader(b []byte, h http.Header, include func(name string) bool) []byte {
	var scratch [24]string
	for _, name := range sortedNames(scratch[:0], h) {
		if !include(name) || !httpguts.ValidHeaderFieldName(name) {
			continue
		}
		for _, v := range h[name] {
			b = appendField(b, name, v)
		}
	}
	return b
}

func appendField(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	at := len(b)
	b = append(b, value...)
	for i := at; i < len(b); i++ {
		if b[i] == '\r' || b[i] == '\n' {
			b[i] = ' '
		}
	}
	if at < len(b) && (isBlank(b[at]) || isBlank(b[len(b)-1])) {
		b = append(b[:at], trim(b[at:])...)
	}
	return append(b, "\r\n"...)
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// sortedNames appends the names of h to names, sorted. Headers are short:
// insertion beats sort's indirection.
func sortedNames(names []string, h http.Header) []string {
	for name := range h {
		names = append(names, name)
		for i := len(names) - 1; i > 0 && names[i] < names[i-1]; i-- {
			names[i], names[i-1] = names[i-1], names[i]
		}
	}
	return names
}

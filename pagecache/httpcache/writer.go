package httpcache

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
)

// A fate is what becomes of a response, decided when its header is known.
type fate uint8

const (
	unknown fate = iota
	pass         // it goes to the client as it comes
	hold         // its body is held until it is complete
	drop         // another is sent in its place
)

// A writer is the ResponseWriter of a handler behind the cache. It shares the
// header map with the one below. A body that is held and turns out to be too long, or is flushed,
// is passed on from there.
type writer struct {
	w      http.ResponseWriter
	decide func(status int) fate // called once, with the final status
	spill  func()                // called when what was held is passed on after all
	limit  int                   // of the body held, in bytes

	fate   fate
	status int
	header http.Header // when it was held or dropped, as it then was
	body   []byte
}

func (w *writer) Header() http.Header         { return w.w.Header() }
func (w *writer) Unwrap() http.ResponseWriter { return w.w }

func (w *writer) WriteHeader(status int) {
	switch {
	case w.fate == pass || w.fate == unknown && status < 200 && status != http.StatusSwitchingProtocols:
		w.w.WriteHeader(status) // informational, or for the one below to complain of
		return
	case w.fate != unknown:
		return
	}
	w.status = status
	switch w.fate = w.decide(status); w.fate {
	case pass:
		w.w.WriteHeader(status)
	case hold:
		w.header = w.Header().Clone()
		if n := w.declared(); n > w.limit {
			w.release()
		} else if n > 0 {
			w.body = make([]byte, 0, n)
		}
	case drop:
		w.header = w.Header().Clone()
	}
}

// declared returns the Content-Length that the handler gave, or -1.
func (w *writer) declared() int {
	n, err := strconv.Atoi(w.header.Get("Content-Length"))
	if err != nil {
		return -1
	}
	return n
}

// complete reports whether what is held is the whole response.
func (w *writer) complete() bool {
	n := w.declared()
	return n == len(w.body) || n < 0 && len(w.header["Content-Length"]) == 0
}

// release passes on what was held.
func (w *writer) release() {
	if w.fate != hold {
		return
	}
	w.spill()
	w.fate = pass
	restore(w.Header(), w.header)
	w.w.WriteHeader(w.status)
	if len(w.body) > 0 {
		w.w.Write(w.body) // its error is found by the next write
		w.body = nil
	}
}

func (w *writer) Write(p []byte) (int, error) {
	if w.fate == unknown {
		w.WriteHeader(http.StatusOK)
	}
	if w.fate == hold && len(w.body)+len(p) > w.limit {
		w.release()
	}
	switch w.fate {
	case hold:
		w.body = append(w.body, p...)
		return len(p), nil
	case drop:
		return len(p), nil
	}
	return w.w.Write(p)
}

// ReadFrom lets the writer below have src, which it may be able to send without
// a copy, unless the response is held.
func (w *writer) ReadFrom(src io.Reader) (n int64, err error) {
	if w.fate == unknown {
		w.WriteHeader(http.StatusOK)
	}
	if w.fate == hold {
		n, err = io.Copy(onlyWriter{w}, io.LimitReader(src, int64(w.limit-len(w.body))))
		if err != nil {
			return n, err
		}
	}
	var rest int64
	switch w.fate {
	case pass:
		rest, err = io.Copy(w.w, src)
	default: // the limit is reached, or the bytes are not wanted
		rest, err = io.Copy(onlyWriter{w}, src)
	}
	return n + rest, err
}

// onlyWriter hides ReadFrom from io.Copy.
type onlyWriter struct{ io.Writer }

func (w *writer) FlushError() error {
	if w.fate == unknown {
		w.WriteHeader(http.StatusOK)
	}
	w.release()
	if w.fate == drop {
		return nil
	}
	return http.NewResponseController(w.w).Flush()
}

func (w *writer) Flush() { w.FlushError() }

func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if w.fate == unknown {
		w.fate = w.decide(http.StatusSwitchingProtocols)
	}
	w.release()
	return http.NewResponseController(w.w).Hijack()
}

// restore makes h equal to to, but for trailers that the handler has added since.
func restore(h, to http.Header) {
	for name := range h {
		if !isTrailer(name) {
			delete(h, name)
		}
	}
	for name, values := range to {
		h[name] = values
	}
}

// isTrailer reports whether a name in the header map is that of a trailer which was not
// announced. Announced ones keep a response from being held.
func isTrailer(name string) bool { return strings.HasPrefix(name, http.TrailerPrefix) }

func hasTrailers(h http.Header) bool {
	for name := range h {
		if isTrailer(name) {
			return true
		}
	}
	return false
}

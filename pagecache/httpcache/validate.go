package httpcache

import (
	"context"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/hyperion-server/hyperion/pagecache"
)

// conditional returns the request that validates the stored response (RFC 9111
// §4.3.1): with its validators, and without preconditions and ranges of the client's, which are
// evaluated on what comes of it.
func (e *exchange) conditional() *http.Request {
	r := snapshot(e.r)
	for _, name := range []string{"If-None-Match", "If-Modified-Since", "If-Range", "Range"} {
		delete(r.Header, name)
	}
	h := e.found.head()
	if h.etag != "" {
		r.Header.Set("If-None-Match", h.etag)
	}
	if h.lastModified != "" {
		r.Header.Set("If-Modified-Since", h.lastModified)
	}
	return r
}

// freshen updates the stored response from the handler's 304 (RFC 9111 §4.3.4), stores
// it and sends it.
func (e *exchange) freshen() {
	e.c.stats.validated.Add(1)
	old, got := e.found.head(), e.rec.header
	if tag := got.Get("Etag"); tag != "" && strings.TrimPrefix(tag, "W/") != strings.TrimPrefix(old.etag, "W/") {
		e.again() // it is about another response
		return
	}
	h := merge(old.text, got, e.before)
	for _, name := range []string{"Date", "Age"} {
		if v := got[name]; len(v) > 0 {
			h[name] = v
		}
	}
	ok := e.judge(http.StatusOK, h)
	page, err := pagecache.Build(http.StatusOK, storedFields(h, nil), e.found.page.Body())
	if err != nil {
		e.again()
		return
	}
	if !ok {
		e.c.pages.Delete(e.wanted)
	}
	e.finish(page, ok, "; fwd-status=304")
}

// merge returns the fields of a stored response, replaced by those of a 304
// (RFC 9111 §3.2). What the body's form depends on stays as it was.
func merge(head string, got, before http.Header) http.Header {
	h := make(http.Header)
	for name, value := range fields(head) {
		if name != "Content-Length" {
			h[name] = append(h[name], value)
		}
	}
	replaced := ""
	for _, f := range storedFields(got, before) {
		switch {
		case f.Name == "Content-Encoding" || f.Name == "Content-Range":
		case f.Name != replaced:
			h[f.Name], replaced = []string{f.Value}, f.Name
		default:
			h[f.Name] = append(h[f.Name], f.Value)
		}
	}
	return h
}

// again drops the stored response, and calls the handler for one from anew.
func (e *exchange) again() {
	e.c.pages.Delete(e.wanted)
	e.found.stored = stored{}
	restore(e.w.Header(), e.before)
	e.call(e.flight)
}

// coverable are the statuses that a stale response may cover (RFC 5861 §4).
var coverable = []int{http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}

// covers reports whether the stored response may be sent in the place of an error.
func (e *exchange) covers(status int) bool {
	if !slices.Contains(coverable, status) || e.control.noCache {
		return false
	}
	h := e.found.head()
	return h.mayCoverError(e.found.age(e.c.now()))
}

// cover sends the stored response in the place of an error.
func (e *exchange) cover() {
	e.c.stats.covered.Add(1)
	e.end(covered)
	restore(e.w.Header(), e.before)
	h := e.found.head()
	re := reply{stored: e.found.stored, head: &h, age: e.found.age(e.c.now()), how: "fwd=stale; fwd-status=" + strconv.Itoa(e.rec.status)}
	re.send(e.w, e.r)
}

// validateLater validates a response that is sent stale meanwhile (RFC 5861 §3),
// unless somebody does, or too many are validated already. The handler gets the request's
// context without its end, and with one of its own.
func (c *Cache) validateLater(r *http.Request, next http.Handler, control control, key []byte, found lookup) {
	select {
	case c.background <- struct{}{}:
	default:
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), backgroundTime)
	r = r.Clone(ctx)
	r.Method, r.Body = http.MethodGet, http.NoBody
	e := newExchange(c, nowhere{}, r, next, control, key, found)
	e.quiet = true
	f, leads := c.flights.join(e.wanted)
	if !leads {
		cancel()
		<-c.background
		return
	}
	go func() {
		defer func() { <-c.background }()
		defer cancel()
		defer c.contain(r)
		e.lead(f)
	}()
}

// contain stops a panic, for which there is no connection to close, and logs it.
func (c *Cache) contain(r *http.Request) {
	if v := recover(); v != nil && v != http.ErrAbortHandler {
		c.options.ErrorLog.Printf("httpcache: panic validating %s: %v\n%s", r.URL, v, debug.Stack())
	}
}

// nowhere is where the responses of background calls go.
type nowhere http.Header

func (n nowhere) Header() http.Header         { return http.Header(n) }
func (n nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (n nowhere) WriteHeader(int)             {}

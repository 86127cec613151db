package httpcache

import (
	"bytes"
	"net/http"
	"slices"
	"time"

	"github.com/hyperion-server/hyperion/pagecache"
)

// An exchange is a GET that the store could not answer.
type exchange struct {
	c       *Cache
	w       http.ResponseWriter
	given   *http.Request // the handler's, who may change it
	r       *http.Request // as it came
	next    http.Handler
	control control
	key     []byte // of the URI
	found   lookup // what to validate, or nothing
	wanted  []byte // the key of the response: that of the URI, or of a variant
	why     string // the handler is called (RFC 9211 §2.2)
	quiet   bool   // nobody waits for the response

	// Of one call of the handler.
	flight  *flight // led by this exchange; nil if it goes by itself
	flown   []byte  // the flight's key
	rec     *writer
	before  http.Header   // of the response, before the call
	epoch   uint64        // of the URI, before the call
	start   int64         // of the call, on the cache's clock
	arrived int64         // when the response's header came
	age     time.Duration // of the response then
	date    time.Time     // of the response
	vary    []string      // fields that selected the response, if it may be stored
}

// newExchange copies key, so that those who need no exchange can have it on the stack.
func newExchange(c *Cache, w http.ResponseWriter, r *http.Request, next http.Handler, control control, key []byte, found lookup) *exchange {
	e := &exchange{c: c, w: w, given: r, r: snapshot(r), next: next, control: control, key: slices.Clip(slices.Clone(key))}
	e.take(found)
	return e
}

// snapshot returns a copy of what the cache looks at in a request.
func snapshot(r *http.Request) *http.Request {
	s := new(http.Request)
	*s = *r
	s.Header = r.Header.Clone()
	return s
}

// take notes what was found, and why it does not do.
func (e *exchange) take(found lookup) {
	e.found, e.why = found, found.why
	e.wanted = found.appendKey(e.key)
	if found.page == nil {
		return
	}
	h := found.head()
	switch {
	case !usable(e.r, &h):
		e.found.stored, e.why = stored{}, "request"
	case h.lifetime > found.age(e.c.now()):
		e.why = "request"
	default:
		e.why = "stale"
	}
}

// maxWaits is how many flights a request waits for, before it goes by itself.
const maxWaits = 3

// run answers the request. Of those that may have the same response, one calls the
// handler, and the others wait for it.
func (e *exchange) run() {
	if e.alone() {
		e.call(nil)
		return
	}
	for range maxWaits {
		f, leads := e.c.flights.join(e.wanted)
		if leads {
			e.lead(f)
			return
		}
		select {
		case <-f.done:
		case <-e.r.Context().Done():
			http.Error(e.w, http.StatusText(http.StatusGatewayTimeout), http.StatusGatewayTimeout)
			return
		}
		if f.outcome != lone && e.answer(f.outcome == covered) {
			return
		}
		if f.outcome == lone || e.alone() {
			break
		}
	}
	e.call(nil)
}

// alone reports whether others had better not wait for this request, nor it for them:
// its response is unlikely to be stored or to be theirs.
func (e *exchange) alone() bool {
	h := e.r.Header
	special := credentials(h) || len(h["Range"]) > 0 || len(h["If-None-Match"]) > 0 || len(h["If-Modified-Since"]) > 0
	return e.found.lone || e.why == "request" || e.control.noCache || special && e.found.page == nil
}

// answer looks again into the store, and answers if there is now a response that may be
// used, be it stale in the place of an error.
func (e *exchange) answer(covering bool) bool {
	how := "fwd=" + e.why + "; collapsed"
	e.take(e.c.lookup(e.key, e.r.Header))
	if e.found.page == nil {
		return false
	}
	h, age := e.found.head(), e.found.age(e.c.now())
	if judge(&e.control, &h, age) == validate && !(covering && h.mayCoverError(age)) {
		return false
	}
	e.c.stats.hits.Add(1)
	e.c.stats.collapsed.Add(1)
	if age >= h.lifetime {
		e.c.stats.stale.Add(1)
	}
	re := reply{stored: e.found.stored, head: &h, age: age, how: how}
	re.send(e.w, e.r)
	return true
}

// lead calls the handler for all who wait for f, unless another flight has landed just
// before f began.
func (e *exchange) lead(f *flight) {
	key := e.wanted
	defer e.c.flights.end(key, f, abandoned)
	now := e.c.lookup(e.key, e.r.Header)
	if now.page != nil && now.page != e.found.page && bytes.Equal(now.appendKey(e.key), key) {
		e.c.flights.end(key, f, landed)
		if e.quiet || e.answer(false) {
			return
		}
		f = nil
	}
	e.call(f)
}

// call calls the handler, to validate what was found if there is something. f is the flight that
// this exchange leads, or nil.
func (e *exchange) call(f *flight) {
	if !e.quiet {
		e.c.stats.misses.Add(1)
	}
	e.flight, e.flown = f, e.wanted
	e.before = e.w.Header().Clone()
	e.epoch = e.c.epoch(e.key)
	e.start = e.c.now()
	r := e.given
	if e.found.page != nil {
		r = e.conditional()
	}
	e.rec = &writer{w: e.w, decide: e.decide, spill: e.spill, limit: e.c.options.MaxBody}
	e.next.ServeHTTP(e.rec, r)
	e.given.Pattern = r.Pattern // for a middleware around the cache
	if e.rec.fate == unknown {
		e.rec.WriteHeader(http.StatusOK)
	}
	switch {
	case e.rec.fate == hold:
		e.arrive()
	case e.rec.fate == drop && e.rec.status == http.StatusNotModified:
		e.freshen()
	case e.rec.fate == drop:
		e.cover()
	}
}

// decide decides on the handler's response by its status and fields.
func (e *exchange) decide(status int) fate {
	h := e.w.Header()
	if e.found.page != nil && (status == http.StatusNotModified || e.covers(status)) {
		return drop
	}
	if e.judge(status, h) {
		return hold
	}
	e.end(lone)
	switch {
	case e.why == "uri-miss" && e.flight != nil:
		e.c.pages.PutAbsent(string(e.key), time.Duration(e.c.now()))
	case e.found.page != nil && supersedes(status):
		e.c.pages.Delete(e.wanted)
	}
	e.sign(h)
	return pass
}

// judge notes when a response was made, and reports whether it may be stored.
func (e *exchange) judge(status int, h http.Header) (ok bool) {
	now := time.Now()
	e.arrived = e.c.now()
	e.age = initialAge(h, now, time.Duration(e.arrived-e.start))
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	e.date = now
	e.vary, ok = storable(status, h, credentials(e.r.Header), now, e.age)
	return ok
}

// supersedes reports whether a response of that status that is not stored tells that
// the stored one is outdated (RFC 9111 §4.3.3).
func supersedes(status int) bool {
	return status == http.StatusOK || status == http.StatusNotFound || status == http.StatusGone
}

// spill gives up a response that was to be stored: it is passed on.
func (e *exchange) spill() {
	e.end(lone)
	if e.found.page != nil {
		e.c.pages.Delete(e.wanted)
	}
	e.sign(e.rec.header)
}

// sign adds to a response that is not sent from the store what the cache did.
func (e *exchange) sign(h http.Header) { h.Add("Cache-Status", name+"; fwd="+e.why) }

// end tells those who wait what has become of the response.
func (e *exchange) end(o outcome) {
	if e.flight != nil {
		e.c.flights.end(e.flown, e.flight, o)
	}
}

// arrive stores a response that was held until it was complete, and sends it. One whose request
// was cancelled may lack a part that nobody knows of.
func (e *exchange) arrive() {
	rec := e.rec
	if e.r.Context().Err() != nil {
		e.end(abandoned)
	}
	if e.r.Context().Err() != nil || !rec.complete() || hasTrailers(e.w.Header()) {
		rec.release()
		return
	}
	if _, has := rec.header["Content-Type"]; !has && len(rec.body) > 0 && rec.header.Get("Content-Encoding") == "" {
		rec.header.Set("Content-Type", http.DetectContentType(rec.body)) // as the server would, which sees no body of HEAD
	}
	page, err := pagecache.Build(http.StatusOK, storedFields(rec.header, e.before), rec.body)
	if err != nil {
		rec.release()
		return
	}
	e.finish(page, true, "")
}

// finish stores a page if it may be, tells those who wait, and sends it.
func (e *exchange) finish(page *pagecache.Page, storable bool, how string) {
	s := stored{page: page, born: e.arrived - int64(e.age), date: e.date.Unix()}
	if storable && e.c.keep(e.key, e.r.Header, s, e.vary, e.epoch) {
		e.c.stats.stored.Add(1)
		how += "; stored"
		e.end(landed)
	} else {
		e.end(lone)
	}
	connection := e.rec.header["Connection"]
	restore(e.w.Header(), e.before)
	if len(connection) > 0 {
		e.w.Header()["Connection"] = connection
	}
	h := s.head()
	re := reply{stored: s, head: &h, age: s.age(e.c.now()), how: "fwd=" + e.why + how, made: true}
	re.send(e.w, e.r)
}

package httpcache

import (
	"net/http"
	"time"
)

// Handler returns a handler that answers from the cache, and from next what
// the cache cannot answer. A cache may stand before several handlers: a host and a request
// target must mean the same resource in all of them.
func (c *Cache) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet, http.MethodHead:
			c.serve(w, r, next)
		case http.MethodOptions, http.MethodTrace, http.MethodConnect:
			c.bypass(w, r, next)
		default:
			c.serveUnsafe(w, r, next)
		}
	})
}

// bypass passes a request on, with nothing between the handler and the server.
func (c *Cache) bypass(w http.ResponseWriter, r *http.Request, next http.Handler) {
	c.stats.bypassed.Add(1)
	next.ServeHTTP(w, r)
}

// foreign reports whether a request is not the cache's to answer: it has a body,
// which no key tells of; it asks for another protocol; its preconditions are the
// origin's to evaluate (RFC 9111 §4.3.2); or it says that it is for another URI.
func (c *Cache) foreign(r *http.Request) bool {
	h := r.Header
	return r.ContentLength != 0 || len(r.TransferEncoding) > 0 || len(h["Upgrade"]) > 0 ||
		len(h["If-Match"]) > 0 || len(h["If-Unmodified-Since"]) > 0 || overridden(h, c.options.KeyFields)
}

// serve answers GET and HEAD.
func (c *Cache) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	control := parseControl(r.Header["Cache-Control"])
	var buf [512]byte
	key, ok := appendKey(buf[:0], r, c.options.KeyFields)
	if !ok || control.malformed || control.noStore || c.foreign(r) {
		c.bypass(w, r, next)
		return
	}
	found := c.lookup(key, r.Header)
	if c.hit(w, r, next, &control, key, found) {
		return
	}
	if control.onlyIfCached {
		http.Error(w, http.StatusText(http.StatusGatewayTimeout), http.StatusGatewayTimeout) // RFC 9111 §5.2.1.7
		return
	}
	if r.Method == http.MethodHead {
		c.stats.misses.Add(1)
		next.ServeHTTP(w, r)
		return
	}
	newExchange(c, w, r, next, control, key, found).run()
}

// hit answers from what was found, if it may.
func (c *Cache) hit(w http.ResponseWriter, r *http.Request, next http.Handler, control *control, key []byte, found lookup) bool {
	if found.page == nil {
		return false
	}
	h := found.head()
	if !usable(r, &h) {
		return false
	}
	age := found.age(c.now())
	v := judge(control, &h, age)
	if v == validate {
		return false
	}
	c.stats.hits.Add(1)
	if age >= h.lifetime {
		c.stats.stale.Add(1)
	}
	if v == useStale {
		c.validateLater(r, next, *control, key, found)
	}
	re := reply{stored: found.stored, head: &h, age: age, how: "hit"}
	re.send(w, r)
	return true
}

// usable reports whether a response may be used for a request with credentials: as
// one may be kept that was made for such a request.
func usable(r *http.Request, h *head) bool { return !credentials(r.Header) || h.control.shared() }

// age returns the age of a response (RFC 9111 §4.2.3).
func (s stored) age(now int64) time.Duration { return max(time.Duration(now-s.born), 0) }

// serveUnsafe answers methods that may change the resource. When one succeeds,
// what is stored of the URI is removed (RFC 9111 §4.4): before the client can know of it, and once more
// when the handler is done, which may have changed the resource until then.
func (c *Cache) serveUnsafe(w http.ResponseWriter, r *http.Request, next http.Handler) {
	key, ok := appendKey(nil, r, c.options.KeyFields)
	if !ok || len(r.Header["Upgrade"]) > 0 {
		c.bypass(w, r, next)
		return
	}
	succeeded := false
	rec := &writer{w: w, decide: func(status int) fate {
		if succeeded = status >= 200 && status < 400; succeeded {
			c.invalidate(key)
		}
		return pass
	}}
	c.stats.bypassed.Add(1)
	next.ServeHTTP(rec, r)
	if succeeded || rec.fate == unknown { // 200, if it wrote nothing
		c.invalidate(key)
	}
}

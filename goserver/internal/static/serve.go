package static

import (
	"bytes"
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/pagecache"
)

const allowed = "GET, HEAD, OPTIONS"

// Serve answers one request; it is a direct.Handler.
func (s *Site) Serve(c *direct.Ctx) {
	switch c.Method() {
	case "GET", "HEAD":
		path := c.Path()
		if bytes.IndexByte(path, '%') >= 0 {
			var ok bool
			if path, ok = decode(path); !ok {
				s.fail(c, http.StatusNotFound)
				return
			}
		}
		s.serve(c, path)
	case "OPTIONS":
		c.SetStatus(http.StatusNoContent)
		add(c, "Allow", allowed)
	default:
		s.fail(c, http.StatusMethodNotAllowed, pagecache.Field{Name: "Allow", Value: allowed})
	}
}

// fallbackKey is where the pages of Options.SPA are in the cache that stand for
// others: their heads differ from those of the file itself. No path is like it.
const fallbackKey = "fallback"

// serve answers for a decoded path, which is also the key in the cache.
func (s *Site) serve(c *direct.Ctx, path []byte) { s.serveKey(c, path, path) }

// serveKey answers with what a decoded path leads to; its pages are in the cache under key.
func (s *Site) serveKey(c *direct.Ctx, key, path []byte) {
	now := s.now()
	e, state := s.cache.Get(key, now)
	switch {
	case state == pagecache.Fresh && s.sendEntry(c, e):
	case state != pagecache.Stale && state != pagecache.Absent && s.sendOpen(c, key, now):
	case state == pagecache.Absent && s.spa == nil:
		s.fail(c, http.StatusNotFound)
	case state == pagecache.Absent:
		s.answerMissing(c, string(path))
	default:
		s.look(c, string(key), string(path), e, state, now)
	}
}

// look answers from the file system, and puts what may be into the cache, in
// the place of old, which may be nil.
func (s *Site) look(c *direct.Ctx, key, path string, old *pagecache.Entry, state pagecache.State, now time.Duration) {
	seen, find := s.watch.seen(), s.find
	if state == pagecache.Stale {
		find = s.findAgain
	}
	t := find(path)
	defer t.close()
	t.seen = seen
	t.fallback = key == fallbackKey
	t.coded = len(c.Header("Accept-Encoding")) > 0
	if t.kind == busy && old != nil && s.sendEntry(c, old) { // what was right a moment ago is better than nothing
		return
	}
	if t.kind == directory && !s.options.Listing {
		t.close()
		t = target{}
	}
	if t.kind != regular {
		switch {
		case t.kind == missing:
			s.cache.PutAbsent(key, now)
		case t.kind != busy && old != nil:
			s.cache.Delete([]byte(key))
		}
		s.answerOther(c, path, &t)
		return
	}
	if e := s.entry(key, &t, old, http.StatusOK, now); e != nil && s.sendEntry(c, e) {
		if e.Representations[pagecache.Identity] != nil {
			s.files.forget([]byte(path)) // it need not be open any more
		}
		return
	}
	s.sendFile(c, &t)
}

// findAgain looks up a path whose pages are due for a check. A file that is open for
// the path is forgotten unless it is still what is there.
func (s *Site) findAgain(path string) target {
	t := s.lookUp(path)
	t.path = path
	if o := s.files.get([]byte(path)); o != nil {
		if t.kind != busy && (t.kind != regular || t.name != o.name || t.stamps != o.stamps) {
			s.files.drop(o)
		}
		o.Close()
	}
	return t
}

// entry returns the entry of a regular file for responses of a status: old, if it
// was made from the file as it is, else a new one, which it puts into the cache. nil:
// the file can only be sent as it is read, this time at least.
func (s *Site) entry(key string, t *target, old *pagecache.Entry, status int, now time.Duration) *pagecache.Entry {
	if old != nil && s.made(t, old, status) {
		s.wantVariants(key, t, old, status)
		return old
	}
	if status == http.StatusOK {
		if old == nil && !(s.worthLoading(t) && s.cache.Admit([]byte(key))) || !s.loading.begin(key) {
			return nil
		}
		defer s.loading.end(key)
	}
	settled := t.settled() // as it is before it is read
	e := s.load(t, status)
	kept := settled && e != nil && s.store(key, t, e, t.looked(now))
	if !kept && old != nil {
		s.cache.Delete([]byte(key))
	}
	if kept || settled && e == nil {
		s.wantVariants(key, t, e, status)
	}
	return e
}

// looked returns when t was looked up, if that is not now: a file that was open
// already is as it was then.
func (t *target) looked(now time.Duration) time.Duration {
	if shared, ok := t.f.(*sharedFile); ok {
		return time.Duration(shared.o.checked.Load())
	}
	return now
}

// store puts an entry that was made from t into the cache. An entry that the watch
// covers becomes one that is checked when something has changed since t was opened.
func (s *Site) store(key string, t *target, e *pagecache.Entry, now time.Duration) bool {
	e.Immutable = s.immutable(t.name) || s.watch.covers(t, t.seen)
	if !s.cache.Put(key, e, now) {
		return false
	}
	if e.Immutable && !s.immutable(t.name) && s.watch.seen() != t.seen {
		checked := *e
		checked.Immutable = false
		s.cache.Replace(key, e, &checked, now)
	}
	return true
}

// immutable reports whether the options say of a file that it never changes.
func (s *Site) immutable(name string) bool {
	for _, dir := range s.options.Preload {
		if dir == "." || strings.HasPrefix(name, dir+"/") {
			return true
		}
	}
	for _, pattern := range s.options.Immutable {
		of := name
		if !strings.Contains(pattern, "/") {
			of = path.Base(name)
		}
		if ok, _ := path.Match(pattern, of); ok {
			return true
		}
	}
	return false
}

// answerOther answers for a path that did not lead to a regular file.
func (s *Site) answerOther(c *direct.Ctx, path string, t *target) {
	switch t.kind {
	case moved:
		redirect(c, path+"/")
	case directory:
		s.list(c, path, t)
	case missing:
		s.answerMissing(c, path)
	case forbidden:
		s.fail(c, http.StatusForbidden)
	case busy:
		s.fail(c, http.StatusServiceUnavailable, pagecache.Field{Name: "Retry-After", Value: "1"})
	default:
		s.fail(c, http.StatusInternalServerError)
	}
}

// answerMissing answers for a path that leads to nothing.
func (s *Site) answerMissing(c *direct.Ctx, path string) {
	if s.spa != nil && path != string(s.spa) && wantsPage(c, path) {
		s.serveKey(c, []byte(fallbackKey), s.spa)
		return
	}
	s.fail(c, http.StatusNotFound)
}

// redirect answers 301 to a decoded path of this site, with the request's
// query. The path starts with one slash, so it never names another host.
func redirect(c *direct.Ctx, path string) {
	to := appendEscaped(nil, path)
	if q := c.Query(); len(q) > 0 {
		to = appendQuery(append(to, '?'), q)
	}
	c.SetStatus(http.StatusMovedPermanently)
	add(c, "Location", string(to))
}

// add adds a field that is right but for mistakes in this package or in the
// function given as Options.CacheControl.
func add(c *direct.Ctx, name, value string) {
	if err := c.AddHeader(name, value); err != nil {
		panic(fmt.Sprintf("goserver: static: field %s: %q: %v", name, value, err))
	}
}

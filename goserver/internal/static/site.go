package static

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/pagecache"
)

// ErrOption is in all errors of New that an option's value is the cause of.
var ErrOption = errors.New("goserver: static option")

// Options of a Site; goserver.StaticOptions has the same fields and tells what
// they mean.
type Options struct {
	Index         []string
	Listing       bool
	Dotfiles      bool
	SPA           string
	ErrorPages    map[int]string
	CacheControl  func(name string) string
	NoSidecars    bool
	MaxCachedFile int
	CacheBytes    int64
	CacheEntries  int
	Recheck       time.Duration
}

// A Site serves the files of one directory. It is safe for any number of goroutines.
type Site struct {
	options Options
	prefix  string // of all paths, with a slash at both ends
	spa     []byte // the path of the fallback file; nil: none
	root    *os.Root
	cache   *pagecache.Cache
	now     func() time.Duration
	names   int // most that a listing has
}

// New opens dir to serve it under the URL path prefix, which starts and ends with a
// slash. now is a clock that may be coarse; it says when a cached file is to be checked.
func New(prefix, dir string, o Options, now func() time.Duration) (*Site, error) {
	if !strings.HasPrefix(prefix, "/") || !strings.HasSuffix(prefix, "/") || strings.ContainsAny(prefix, "{}%") {
		return nil, fmt.Errorf("%w: prefix %q: want a slash at both ends, no wildcards, no escapes", ErrOption, prefix)
	}
	if o.Index == nil {
		o.Index = []string{"index.html"}
	}
	for _, name := range o.Index {
		if name == "" || strings.ContainsAny(name, "/\\\x00") {
			return nil, fmt.Errorf("%w: Index: %q: want the name of a file, without directory", ErrOption, name)
		}
	}
	if o.CacheControl == nil {
		o.CacheControl = CacheControl
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("goserver: static directory: %w", err)
	}
	s := &Site{
		options: o, prefix: prefix, root: root, now: now, names: maxListing,
		cache: pagecache.New(pagecache.Options{
			MaxBytes: o.CacheBytes, MaxEntries: o.CacheEntries, MaxBody: o.MaxCachedFile, Recheck: o.Recheck,
		}),
	}
	if err := s.checkFiles(); err != nil {
		root.Close()
		return nil, err
	}
	return s, nil
}

// checkFiles looks whether the files are there that options name.
func (s *Site) checkFiles() error {
	if s.options.SPA != "" {
		s.spa = []byte(s.prefix + s.options.SPA)
		if _, slash, ok := s.name(string(s.spa)); !ok || slash {
			return fmt.Errorf("%w: SPA: %q is not the name of a file that is served", ErrOption, s.options.SPA)
		}
		if _, err := s.checkFile(s.options.SPA); err != nil {
			return fmt.Errorf("%w: SPA: %w", ErrOption, err)
		}
	}
	for status, name := range s.options.ErrorPages {
		if builtin[status] == nil {
			return fmt.Errorf("%w: ErrorPages: status %d: want one of %v", ErrOption, status, errorStatuses)
		}
		size, err := s.checkFile(name)
		if err == nil && size > maxErrorPage {
			err = fmt.Errorf("%s has %d bytes, more than %d", name, size, maxErrorPage)
		}
		if err != nil {
			return fmt.Errorf("%w: ErrorPages: status %d: %w", ErrOption, status, err)
		}
	}
	return nil
}

func (s *Site) checkFile(name string) (size int64, err error) {
	info, err := s.root.Stat(name)
	switch {
	case err != nil:
		return 0, err
	case !info.Mode().IsRegular():
		return 0, fmt.Errorf("%s is not a regular file", name)
	}
	return info.Size(), nil
}

// Close gives the directory back. Requests that come later are answered from the
// cache, or with 503.
func (s *Site) Close() error { return s.root.Close() }

// Stats returns the counts of the page cache.
func (s *Site) Stats() pagecache.Stats { return s.cache.Stats() }

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

// serve answers for a decoded path. It is the key of the cache, where only
// paths are that have led to a file.
func (s *Site) serve(c *direct.Ctx, path []byte) {
	now := s.now()
	e, state := s.cache.Get(path, now)
	if state == pagecache.Fresh {
		s.sendEntry(c, e)
	} else {
		s.look(c, string(path), e, now)
	}
}

// look answers from the file system, and puts what may be into the cache, in
// the place of old, which may be nil.
func (s *Site) look(c *direct.Ctx, path string, old *pagecache.Entry, now time.Duration) {
	t := s.find(path)
	if t.kind == busy && old != nil { // what was right a moment ago is better than nothing
		s.sendEntry(c, old)
		return
	}
	if t.kind != regular {
		if old != nil {
			s.cache.Delete([]byte(path))
		}
		s.answerOther(c, path, &t)
		return
	}
	if e := s.entry(path, &t, old, http.StatusOK, now); e != nil {
		t.f.Close()
		s.sendEntry(c, e)
		return
	}
	s.sendFile(c, &t)
}

// entry returns the entry of a regular file for responses of a status: old, if it
// was made from the file as it is, else a new one, which it puts into the cache. nil:
// the file can only be sent as it is read.
func (s *Site) entry(key string, t *target, old *pagecache.Entry, status int, now time.Duration) *pagecache.Entry {
	if old != nil && t.made(old) {
		return old
	}
	settled := t.settled() // as it is before it is read
	e := s.load(t, status)
	if e != nil && settled && s.cache.Put(key, e, now) {
		return e
	}
	if old != nil {
		s.cache.Delete([]byte(key))
	}
	return e
}

// answerOther answers for a path that did not lead to a regular file.
func (s *Site) answerOther(c *direct.Ctx, path string, t *target) {
	switch t.kind {
	case moved:
		redirect(c, path+"/")
	case directory:
		if s.options.Listing {
			s.list(c, path, t)
			return
		}
		t.f.Close()
		fallthrough
	case missing:
		if s.spa != nil && path != string(s.spa) && wantsPage(c, path) {
			s.serve(c, s.spa)
			return
		}
		s.fail(c, http.StatusNotFound)
	case forbidden:
		s.fail(c, http.StatusForbidden)
	case busy:
		s.fail(c, http.StatusServiceUnavailable, pagecache.Field{Name: "Retry-After", Value: "1"})
	default:
		s.fail(c, http.StatusInternalServerError)
	}
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

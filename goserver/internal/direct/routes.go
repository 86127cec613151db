package direct

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hyperion-server/hyperion/pagecache"
)

// Errors of registration that are not the pattern's.
var (
	ErrPageWildcard = errors.New("goserver: a page answers one path: its pattern has no wildcard, and {$} behind a last slash")
	ErrNoAnswer     = errors.New("goserver: route without handler or page")
)

// Routes maps requests to handlers and to prebuilt pages. The zero value has no
// routes. Routes may be added while others are looked up: a lookup sees those
// whose registration has returned. The first registration after a lookup copies
// all routes, so they are best added in one go.
type Routes struct {
	live atomic.Pointer[tree] // never changed; nil when next has more
	mu   sync.Mutex
	next *tree // owned by mu; must be cloned to be changed while it is live
}

// A Match is what a route gives for a request: either Handler or Page, and the
// text of the pattern, as it was registered.
type Match struct {
	Handler Handler
	Page    *pagecache.Page
	Pattern string
}

// Handle registers a handler for a pattern "[METHOD ][HOST]/PATH" in the syntax
// of http.ServeMux, with its precedence and its conflicts: GET takes HEAD too,
// no method takes all, patterns with the request's host come first, and then
// the more specific one. It differs where ServeMux accepts what can't match
// (see ErrPatternSyntax), hosts are compared without case, and there
// are no redirects: a path that is not clean matches nothing.
func (r *Routes) Handle(pattern string, h Handler) error {
	if h == nil {
		return fmt.Errorf("%w: %q", ErrNoAnswer, pattern)
	}
	p, err := parsePattern(pattern)
	if err != nil {
		return err
	}
	return r.add(&p, Match{Handler: h, Pattern: pattern})
}

// HandlePage registers a page for a pattern that matches one path.
func (r *Routes) HandlePage(pattern string, page *pagecache.Page) error {
	if page == nil {
		return fmt.Errorf("%w: %q", ErrNoAnswer, pattern)
	}
	p, err := parsePattern(pattern)
	if err != nil {
		return err
	}
	if !p.exact() {
		return fmt.Errorf("%w: %q", ErrPageWildcard, pattern)
	}
	return r.add(&p, Match{Page: page, Pattern: pattern})
}

func (r *Routes) add(p *pattern, m Match) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.next
	switch {
	case t == nil:
		t = new(tree)
	case r.live.Load() != nil:
		t = t.clone()
	}
	if err := t.add(p, m); err != nil {
		return err
	}
	r.next = t
	r.live.Store(nil)
	return nil
}

// tree returns the routes as of now.
func (r *Routes) tree() *tree {
	if t := r.live.Load(); t != nil {
		return t
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next == nil {
		r.next = new(tree)
	}
	r.live.Store(r.next)
	return r.next
}

// Match finds the route for the request of c and gives c the decoded values of
// its wildcards. It allocates nothing once c's buffers have grown.
func (r *Routes) Match(c *Ctx) (m Match, ok bool) {
	if found := r.tree().find(c, nil); found != nil {
		return found.Match, true
	}
	return Match{}, false
}

// Allow returns the methods that routes take for a host and an escaped path, as
// the value of an Allow field (RFC 9110 §10.2.1), or "" if there are none. It is
// meant for a request without a Match: with one it leaves out the routes for any
// method.
func (r *Routes) Allow(host, path string) string {
	var c Ctx
	c.req.Host, c.req.Path = []byte(host), []byte(path)
	allow := make(map[string]bool)
	r.tree().find(&c, allow)
	if allow["GET"] {
		allow["HEAD"] = true
	}
	names := make([]string, 0, len(allow))
	for name := range allow {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

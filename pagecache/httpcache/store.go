package httpcache

import (
	"bytes"
	"hash/maphash"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/hyperion-server/hyperion/pagecache"
)

// A stored is a response in the store. Without a page it is none.
type stored struct {
	page *pagecache.Page
	born int64 // when its age was zero, on the cache's clock
	date int64 // its Date, in seconds since 1970
}

// The store keeps a response under the key of its URI when it does not vary. Else that
// key has an index: the names of the fields, and the variants. It is a page
// that is never sent, of status 300 (Multiple Choices), with the body
//
//	{ name LF } LF { variant }
//
// Each variant has its response under the URI's key and the variant.
const indexStatus = http.StatusMultipleChoices

// stamp returns what the store notes of a response besides its page.
func (s stored) stamp() pagecache.Stamp {
	return pagecache.Stamp{Time: s.born, Number: uint64(s.date)}
}

// A stripe orders what is stored and what is invalidated for its share of the
// keys. Its epoch grows with each invalidation: a response whose request
// was passed on in an earlier epoch may be outdated, and is not stored.
type stripe struct {
	mu    sync.Mutex
	epoch uint64
}

const stripes = 64

func (c *Cache) stripe(key []byte) *stripe {
	return &c.stripes[maphash.Bytes(c.seed, key)%stripes]
}

// epoch returns the present epoch of a URI's key.
func (c *Cache) epoch(key []byte) uint64 {
	s := c.stripe(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epoch
}

// A lookup is what the store has for a request.
type lookup struct {
	stored
	variant variant // where it is, or would be; if varied
	varied  bool
	why     string // there is none, in the terms of RFC 9211 §2.2
	lone    bool   // responses of this URI could not be stored of late
}

// appendKey makes of a URI's key that of the response that was looked for.
func (l *lookup) appendKey(key []byte) []byte {
	if l.varied {
		key = append(key, l.variant[:]...)
	}
	return key
}

// lookup finds the response that a request selects (RFC 9111 §4, §4.1). key is
// the URI's and may be appended to.
func (c *Cache) lookup(key []byte, h http.Header) (l lookup) {
	now := time.Duration(c.now())
	e, state := c.pages.Get(key, now)
	if e == nil {
		return lookup{why: "uri-miss", lone: state == pagecache.Absent}
	}
	rep := e.Representations[pagecache.Identity]
	if rep.Page.Status() == indexStatus {
		names, _ := splitIndex(rep.Page.Body())
		l.variant, l.varied = variantOf(names, rep.Stamp.Number, h), true
		if e, _ = c.pages.Get(l.appendKey(key), now); e == nil {
			l.why = "vary-miss"
			return l
		}
		rep = e.Representations[pagecache.Identity]
	}
	l.stored = stored{rep.Page, rep.Stamp.Time, int64(rep.Stamp.Number)}
	return l
}

// splitIndex returns the parts of an index: a line a name, and the variants.
func splitIndex(body []byte) (names, variants []byte) {
	names, variants, _ = bytes.Cut(body, []byte("\n\n"))
	return body[:len(names)+1], variants
}

// keep puts a response into the store, for requests to the URI of that key
// whose fields are those of h. It does not when the URI was invalidated since epoch.
func (c *Cache) keep(key []byte, h http.Header, s stored, vary []string, epoch uint64) bool {
	st := c.stripe(key)
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.epoch != epoch {
		return false
	}
	var index *pagecache.Representation
	if e, _ := c.pages.Get(key, time.Duration(c.now())); e != nil && e.Representations[pagecache.Identity].Page.Status() == indexStatus {
		index = e.Representations[pagecache.Identity]
	}
	if index != nil || len(vary) > 0 {
		var ok bool
		if key, ok = c.addVariant(key, h, index, vary); !ok {
			return false
		}
	}
	return c.put(key, s.page, s.stamp())
}

// addVariant adds the variant that h selects to the index of a URI, and returns
// its key. The names are those of all responses, so that one which names fewer
// does not make the others unreachable. The oldest of too many variants goes.
func (c *Cache) addVariant(key []byte, h http.Header, index *pagecache.Representation, vary []string) ([]byte, bool) {
	var names, variants []byte
	generation := uint64(0)
	if index != nil {
		names, variants = splitIndex(index.Page.Body())
		generation = index.Stamp.Number
	}
	union := mergeNames(names, vary)
	if bytes.Count(union, []byte{'\n'}) > maxVary {
		return nil, false
	}
	if !bytes.Equal(union, names) {
		c.dropVariants(key, variants)
		generation, variants = c.generation.Add(1), nil
	}
	v := variantOf(union, generation, h)
	own := slices.Concat(key, v[:])
	if hasVariant(variants, v) {
		return own, true
	}
	if over := len(variants)/len(v) + 1 - c.options.MaxVariants; over > 0 {
		c.dropVariants(key, variants[:over*len(v)])
		variants = variants[over*len(v):]
	}
	page, err := pagecache.Build(indexStatus, nil, slices.Concat(union, []byte{'\n'}, variants, v[:]))
	return own, err == nil && c.put(key, page, pagecache.Stamp{Number: generation})
}

// mergeNames returns the sorted union of an index's names and others.
func mergeNames(names []byte, others []string) []byte {
	all := slices.Clone(others)
	for line := range bytes.Lines(names) {
		all = append(all, string(line[:len(line)-1]))
	}
	slices.Sort(all)
	var union []byte
	for _, name := range slices.Compact(all) {
		union = append(append(union, name...), '\n')
	}
	return union
}

func hasVariant(variants []byte, v variant) bool {
	for chunk := range slices.Chunk(variants, len(v)) {
		if variant(chunk) == v {
			return true
		}
	}
	return false
}

// dropVariants removes the responses of variants.
func (c *Cache) dropVariants(key, variants []byte) {
	for chunk := range slices.Chunk(variants, len(variant{})) {
		c.pages.Delete(slices.Concat(key, chunk))
	}
}

// put stores a page that is never stale for the page cache: freshness is judged here.
func (c *Cache) put(key []byte, page *pagecache.Page, stamp pagecache.Stamp) bool {
	e := &pagecache.Entry{Immutable: true}
	e.Representations[pagecache.Identity] = &pagecache.Representation{Page: page, Stamp: stamp}
	return c.pages.Put(string(key), e, time.Duration(c.now()))
}

// invalidate removes all responses of a URI (RFC 9111 §4.4).
func (c *Cache) invalidate(key []byte) {
	st := c.stripe(key)
	st.mu.Lock()
	defer st.mu.Unlock()
	st.epoch++
	e, _ := c.pages.Get(key, time.Duration(c.now()))
	if e == nil {
		return
	}
	if page := e.Representations[pagecache.Identity].Page; page.Status() == indexStatus {
		_, variants := splitIndex(page.Body())
		c.dropVariants(key, variants)
	}
	c.pages.Delete(key)
	c.stats.invalidations.Add(1)
}

// purge removes the responses of all keys with that prefix, and sees to it that
// none which is on its way is stored.
func (c *Cache) purge(prefix string) int {
	for i := range c.stripes {
		s := &c.stripes[i]
		s.mu.Lock()
		s.epoch++
		s.mu.Unlock()
	}
	return c.pages.PurgePrefix(prefix)
}

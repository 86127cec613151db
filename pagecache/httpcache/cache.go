package httpcache

import (
	"hash/maphash"
	"log"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hyperion-server/hyperion/pagecache"
)

// Defaults of Options.
const (
	DefaultMaxBytes    = 64 << 20
	DefaultMaxEntries  = 1 << 16
	DefaultMaxBody     = 256 << 10
	DefaultMaxVariants = 16
)

// Bounds that are no options.
const (
	loneTime        = 10 * time.Second // for which a URI whose response could not be stored is not waited for
	backgroundTime  = 30 * time.Second // until the context of a validation in the background ends
	backgroundCalls = 64               // such validations at once; others wait for the next request
)

// Options of a Cache. The zero value has the defaults.
type Options struct {
	MaxBytes    int64 // of all that is stored; 0: DefaultMaxBytes
	MaxEntries  int   // responses, and one more for each URI that has variants; 0: DefaultMaxEntries
	MaxBody     int   // bytes of the largest body stored, and of one held until it is complete; 0: DefaultMaxBody
	MaxVariants int   // responses of one URI that differ by Vary; 0: DefaultMaxVariants

	// KeyFields names request fields that are part of a URI: those that a proxy
	// in front sets, overwriting the client's, and from which the handler reads the
	// scheme or the host that the client asked for, such as X-Forwarded-Proto.
	KeyFields []string

	// ErrorLog gets the panics of handlers that were called in the background; nil: the
	// standard logger of package log.
	ErrorLog *log.Logger
}

// A Cache stores the responses of handlers. It is safe for any number of
// goroutines. A Cache must be made by New and not be copied.
type Cache struct {
	options Options
	start   time.Time
	pages   *pagecache.Cache

	seed       maphash.Seed
	stripes    [stripes]stripe
	generation atomic.Uint64 // of the index made last

	flights    flights
	background chan struct{} // has an element for each validation under way

	stats counts
}

// New returns an empty Cache.
func New(o Options) *Cache {
	if o.MaxBytes == 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.MaxEntries == 0 {
		o.MaxEntries = DefaultMaxEntries
	}
	if o.MaxBody == 0 {
		o.MaxBody = DefaultMaxBody
	}
	if o.MaxVariants == 0 {
		o.MaxVariants = DefaultMaxVariants
	}
	if o.ErrorLog == nil {
		o.ErrorLog = log.Default()
	}
	o.KeyFields = slices.Clone(o.KeyFields)
	for i, name := range o.KeyFields {
		o.KeyFields[i] = http.CanonicalHeaderKey(name)
	}
	return &Cache{
		options: o,
		start:   time.Now(),
		pages: pagecache.New(pagecache.Options{
			MaxBytes: o.MaxBytes, MaxEntries: o.MaxEntries, NegativeTTL: loneTime,
			MaxBody: max(o.MaxBody, maxIndex(o.MaxVariants)),
		}),
		seed:       maphash.MakeSeed(),
		background: make(chan struct{}, backgroundCalls),
	}
}

// maxIndex returns the size of the largest index of a URI, in bytes.
func maxIndex(variants int) int { return maxVary*(maxKey+1) + 1 + variants*len(variant{}) }

// now returns the time in nanoseconds since 1970, on a clock that does not go back.
func (c *Cache) now() int64 { return c.start.UnixNano() + int64(time.Since(c.start)) }

// Purge removes the responses to requests for a target: a path as it is sent, with
// its query if it has one. Those of all hosts, schemes and variants go, and what
// handlers are at work on is not stored. It returns how many entries there
// were, and looks at every entry of the cache.
func (c *Cache) Purge(target string) int { return c.purge(target + "\n") }

// PurgePrefix is Purge for all targets that begin with prefix; "" and "/" mean all.
func (c *Cache) PurgePrefix(prefix string) int { return c.purge(prefix) }

// Stats are what a Cache has counted since it was made and, of Entries and
// Bytes, what it holds now.
type Stats struct {
	Hits          int64 // requests answered from the store without the handler
	Stale         int64 // of those, with a response that was stale
	Collapsed     int64 // of those, after waiting for another request's call of the handler
	Misses        int64 // requests that called the handler for want of a response to use
	Validated     int64 // of those, and in the background: the handler said that the stored response is good
	CoveredErrors int64 // of those: the handler's error was covered by a stale response
	Bypassed      int64 // requests passed on untouched
	Stored        int64 // responses stored, new or validated
	Invalidations int64 // URIs of which something was removed because of an unsafe method
	Evictions     int64 // entries dropped to make room
	Entries       int64
	Bytes         int64
}

type counts struct {
	hits, stale, collapsed, misses, validated, covered, bypassed, stored, invalidations atomic.Int64
}

// Stats may be called at any time. The counts are not of one moment.
func (c *Cache) Stats() Stats {
	pages := c.pages.Stats()
	return Stats{
		Hits: c.stats.hits.Load(), Stale: c.stats.stale.Load(), Collapsed: c.stats.collapsed.Load(),
		Misses: c.stats.misses.Load(), Validated: c.stats.validated.Load(), CoveredErrors: c.stats.covered.Load(),
		Bypassed: c.stats.bypassed.Load(), Stored: c.stats.stored.Load(), Invalidations: c.stats.invalidations.Load(),
		Evictions: pages.Evictions, Entries: pages.Entries, Bytes: pages.Bytes,
	}
}

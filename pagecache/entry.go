package pagecache

import "time"

// A Coding is a content coding that a representation may have (RFC 9110 §8.4.1).
type Coding uint8

// The codings. Their order has no meaning.
const (
	Identity Coding = iota // not coded
	Gzip
	Brotli
	Zstd
	Codings = iota // how many there are
)

// String returns the coding's name in Content-Encoding and Accept-Encoding.
func (c Coding) String() string {
	return [Codings]string{"identity", "gzip", "br", "zstd"}[c]
}

// A Stamp tells versions of a source apart: of a file, say, by the time of its
// last change, its size and whatever else tells it from the one before. The cache keeps it and
// never looks at it; callers compare with ==. The zero Stamp is no source's.
type Stamp struct {
	Time   int64 // nanoseconds since 1970
	Size   int64 // bytes
	Number uint64
}

// A Representation is a resource in one coding. It must not be changed.
type Representation struct {
	Page        *Page  // the response with the whole body
	NotModified *Page  // the 304 response that may stand for it; may be nil
	ETag        string // of both, with its quotes; "" when they have none
	Stamp       Stamp  // of what it was made from
}

// NewRepresentation makes a representation from its page, whose ETag field, if
// any, is its entity-tag.
func NewRepresentation(p *Page, stamp Stamp) *Representation {
	return &Representation{Page: p, NotModified: p.NotModified(), ETag: p.Field("ETag"), Stamp: stamp}
}

// An Entry has the representations of one resource. It must not be changed once
// it was put into a Cache.
type Entry struct {
	Representations [Codings]*Representation // by Coding; nil where there is none
	Modified        time.Time                // of the resource, in whole seconds; zero when it is not told
	Immutable       bool                     // never becomes stale
}

// What the parts of an entry take beside the bytes of their pages.
const (
	entrySize          = 80 + 64 + 40 // its node and itself, its slots in the table and its ghost
	representationSize = 64
)

// cost returns the bytes of memory that e takes under a key, and its largest body. A
// page that is in several entries counts for each.
func (e *Entry) cost(key string) (bytes int64, body int) {
	bytes = entrySize + int64(len(key)+7)&^7
	for _, r := range e.Representations {
		if r == nil {
			continue
		}
		bytes += representationSize + r.Page.held()
		if r.NotModified != nil && r.NotModified != r.Page.notModified {
			bytes += r.NotModified.held()
		}
		body = max(body, len(r.Page.Body()))
	}
	return bytes, body
}

package static

import (
	"hash/fnv"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
	weakly "weak"

	"github.com/hyperion-server/hyperion/pagecache"
)

// Sizes of files that get compressed variants, in bytes: below, any coding of a
// response fits the same packet; above, the variant would seldom fit a page.
const (
	minCompressed = 256
	maxCompressed = 1 << 20
)

// CompressionStats are the counts of variants that are made in the background;
// goserver.StaticCompression has the same fields and tells what they mean.
type CompressionStats struct {
	Made, Skipped, Failed, Dropped, Saved int64
	CPU                                   time.Duration
}

// Add adds the counts of another site.
func (c *CompressionStats) Add(d CompressionStats) {
	c.Made += d.Made
	c.Skipped += d.Skipped
	c.Failed += d.Failed
	c.Dropped += d.Dropped
	c.Saved += d.Saved
	c.CPU += d.CPU
}

// compression has the counts of a Site.
type compression struct {
	made, skipped, failed, dropped, saved, cpu atomic.Int64

	useless useless
}

func (n *compression) stats() CompressionStats {
	return CompressionStats{
		Made: n.made.Load(), Skipped: n.skipped.Load(), Failed: n.failed.Load(), Dropped: n.dropped.Load(),
		Saved: n.saved.Load(), CPU: time.Duration(n.cpu.Load()),
	}
}

// compresses reports whether a file of that media gets variants, if they are smaller.
func (s *Site) compresses(t *target, m media) bool {
	size := t.stamps[pagecache.Identity].Size
	return !s.options.NoCompression && s.cache.Options().MaxBody > 0 && minCompressed <= size && size <= maxCompressed && m.gains()
}

// worthLoading reports whether anything of t may be in the cache.
func (s *Site) worthLoading(t *target) bool {
	limit := s.limit(http.StatusOK)
	for _, st := range t.stamps {
		if st != (pagecache.Stamp{}) && st.Size <= limit {
			return true
		}
	}
	return s.compresses(t, t.media(t.sniff()))
}

// wantVariants asks for the variants of t that e lacks, if the client of this request
// might take one, or no later request will come here. e is what the cache has under key
// for responses of a status; nil: nothing.
func (s *Site) wantVariants(key string, t *target, e *pagecache.Entry, status int) {
	if status == http.StatusOK && (t.coded || s.immutable(t.name)) && s.lacksVariants(t, e) {
		s.ask(job{site: s, key: key, old: weakly.Make(e)})
	}
}

func (s *Site) ask(j job) {
	if !s.worker.add(j) {
		s.compression.dropped.Add(1)
	}
}

// lacksVariants reports whether there are variants of t to make that e does not have.
func (s *Site) lacksVariants(t *target, e *pagecache.Entry) bool {
	return !s.complete(t, e) && s.compresses(t, t.media(t.sniff())) && !s.compression.useless.has(t.stamps[pagecache.Identity])
}

// complete reports whether e has the variants that the worker makes of t: there
// is one already, or there are sidecars for all codings.
func (s *Site) complete(t *target, e *pagecache.Entry) bool {
	file, sides := t.stamps[pagecache.Identity], 0
	for _, coding := range preferred {
		if e != nil && e.Representations[coding] != nil && e.Representations[coding].Stamp == file {
			return true
		}
		if t.stamps[coding] != (pagecache.Stamp{}) {
			sides++
		}
	}
	return sides == len(preferred)
}

// compress makes the variants of a file that j asks for and puts them into the
// cache, unless that has another entry by then. step runs each part of the work,
// and returns false when the site was closed.
func (s *Site) compress(j *job, enc *encoders, step func(func()) bool) {
	old := j.old.Value()
	if old == nil && j.old != (weakly.Pointer[pagecache.Entry]{}) {
		return // it was evicted
	}
	var t target
	var source []byte
	if !step(func() { t, source = s.source(j.key, old) }) {
		return
	}
	defer t.close()
	if source == nil {
		s.compression.failed.Add(1)
		return
	}
	made := 0
	defer func() {
		if made == 0 { // not again for this version, whatever the reason
			s.compression.useless.add(t.stamps[pagecache.Identity])
		}
	}()
	e := &pagecache.Entry{Modified: t.modified()}
	if old != nil {
		*e = *old
	}
	for _, coding := range preferred {
		if t.stamps[coding] != (pagecache.Stamp{}) {
			continue // there is a sidecar
		}
		coded, ok := enc.encode(coding, source, step)
		switch {
		case !ok:
			return
		case len(coded) > len(source)*(100-leastGain)/100 || len(coded) > s.cache.Options().MaxBody:
			s.compression.skipped.Add(1)
		default:
			e.Representations[coding] = s.variant(&t, coding, coded, source)
			made++
		}
	}
	if made > 0 {
		s.keepVariants(j, &t, old, e, source)
	}
}

// leastGain is by how many percent a variant must be smaller to be kept.
const leastGain = 5

// source returns the file that has its pages under key with its content, of which old
// was made; nil when that is not so any more, or when it may be changing.
func (s *Site) source(key string, old *pagecache.Entry) (t target, source []byte) {
	t = s.findFor(key)
	switch {
	case t.kind != regular, !t.settled(), old != nil && !s.made(&t, old, http.StatusOK), !s.compresses(&t, t.media(t.sniff())):
		return t, nil
	case old != nil && old.Representations[pagecache.Identity] != nil:
		return t, old.Representations[pagecache.Identity].Page.Body()
	}
	st := t.stamps[pagecache.Identity]
	source = make([]byte, st.Size)
	if readWhole(t.f, st, source) != nil {
		return t, nil
	}
	return t, source
}

// findFor looks up the file that has its pages under key.
func (s *Site) findFor(key string) target {
	path, seen := key, s.watch.seen()
	if key == fallbackKey {
		path = string(s.spa)
	}
	t := s.findAgain(path)
	t.seen, t.fallback = seen, key == fallbackKey
	return t
}

// variant makes the representation of t from its content in a coding. Its entity-tag
// is of the coded bytes, which another release of an encoder may make otherwise; its stamp
// is the file's.
func (s *Site) variant(t *target, coding pagecache.Coding, coded, source []byte) *pagecache.Representation {
	h := fnv.New64a()
	h.Write(coded)
	v := *t
	v.stamps[coding] = pagecache.Stamp{Time: t.info.ModTime().UnixNano(), Size: int64(len(coded)), Number: h.Sum64()}
	p, err := pagecache.Build(http.StatusOK, s.fields(&v, coding, source), coded)
	if err != nil {
		panic("goserver: static: " + err.Error())
	}
	return pagecache.NewRepresentation(p, t.stamps[pagecache.Identity])
}

// keepVariants puts e, which has variants of t, in the place of old. Where there
// was no entry, nobody else may put one meanwhile.
func (s *Site) keepVariants(j *job, t *target, old, e *pagecache.Entry, source []byte) {
	var kept bool
	key, now := j.key, s.now()
	if j.later && !s.hasRoom(int64(len(preferred)*len(source))) {
		s.compression.dropped.Add(1)
		return
	}
	if old != nil {
		kept = s.cache.Replace(key, old, e, now)
		if kept { // preloading gives a directory the entry of its index file
			s.cache.Replace(s.indexKey(t.name), old, e, now)
		}
	} else if s.loading.begin(key) {
		again := s.findFor(key)
		kept = again.kind == regular && again.stamps == t.stamps && s.store(key, t, e, now)
		again.close()
		s.loading.end(key)
	}
	if !kept {
		s.compression.failed.Add(1)
		return
	}
	for _, r := range e.Representations {
		if r != nil && r.Stamp == t.stamps[pagecache.Identity] && r.Page.Field("Content-Encoding") != "" {
			s.compression.made.Add(1)
			s.compression.saved.Add(int64(len(source) - len(r.Page.Body())))
		}
	}
}

// hasRoom reports whether so many bytes more fit the cache.
func (s *Site) hasRoom(bytes int64) bool {
	return s.cache.Stats().Bytes+bytes <= s.cache.Options().MaxBytes
}

// useless remembers versions of files that have no variants worth keeping.
type useless struct {
	mu     sync.Mutex
	stamps map[pagecache.Stamp]struct{}
}

// maxUseless is how many are remembered; when there are more, all are forgotten.
const maxUseless = 4096

func (u *useless) has(st pagecache.Stamp) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	_, ok := u.stamps[st]
	return ok
}

func (u *useless) add(st pagecache.Stamp) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.stamps == nil || len(u.stamps) >= maxUseless {
		u.stamps = make(map[pagecache.Stamp]struct{})
	}
	u.stamps[st] = struct{}{}
}

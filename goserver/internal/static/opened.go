package static

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/pagecache"
)

// An opened is a regular file that is open to be sent, with what is known of it
// and its forms. It is what it was when it was opened, also when another has
// taken its name. It is safe for any number of goroutines, and counts who uses it:
// whoever has a reference gives it back with Close, and the last one closes the file.
type opened struct {
	target // f is the file
	files  *openFiles
	alone  bool // no form of it is worth a place in the page cache

	lastModified time.Time

	refs    atomic.Int64
	checked atomic.Int64 // when it was last compared with what its path leads to, by the Site's clock
	used    atomic.Int64 // when it was asked for last
	again   atomic.Bool  // it was asked for since it was opened, or since the cache wished to drop it

	mu    sync.Mutex // while a form is made
	forms [pagecache.Codings]atomic.Pointer[form]

	at   int     // in the shard's ring; the shard's lock guards it
	next *opened // of those that the cache has dropped
}

// A form is a file in one coding, with the heads of its responses.
type form struct {
	file
	of   *opened
	size int64
	head *pagecache.Page // of the 200 response; with that of the 304
	etag string
}

// newOpened takes t.f over and returns the one reference.
func newOpened(t *target, files *openFiles, now time.Duration) *opened {
	o := &opened{target: *t, files: files}
	o.refs.Store(1)
	o.checked.Store(int64(now))
	return o
}

// descriptors returns how many o has open at most.
func (o *opened) descriptors() int {
	n := 0
	for _, st := range o.stamps {
		if st != (pagecache.Stamp{}) {
			n++
		}
	}
	return n
}

// touch notes that o was asked for.
func (o *opened) touch(now time.Duration) {
	if o.used.Load() != int64(now) {
		o.used.Store(int64(now))
	}
	if !o.again.Load() {
		o.again.Store(true)
	}
}

// due reports whether o is to be compared with what its path leads to.
func (o *opened) due(recheck, now time.Duration) bool {
	return now-time.Duration(o.checked.Load()) >= recheck
}

// claim makes the caller the one who compares: others use o as it is meanwhile,
// unless it is to be compared each time.
func (o *opened) claim(recheck, now time.Duration) bool {
	at := o.checked.Load()
	return now-time.Duration(at) >= recheck && (o.checked.CompareAndSwap(at, int64(now)) || recheck < 0)
}

// Close gives a reference back.
func (o *opened) Close() error {
	if o.refs.Add(-1) != 0 {
		return nil
	}
	for i := range o.forms {
		if m := o.forms[i].Load(); m != nil && m.file != o.f {
			m.file.Close()
		}
	}
	return o.f.Close()
}

// Shrank makes the next response look at what there is: the file was written in
// place, so that what is known of it is not true.
func (m *form) Shrank() { m.of.files.drop(m.of) }

// form returns o in a coding, or nil when the sidecar is not what it was.
func (s *Site) form(o *opened, coding pagecache.Coding) *form {
	if m := o.forms[coding].Load(); m != nil {
		return m
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	m := o.forms[coding].Load()
	if m == nil {
		if m = s.newForm(o, coding); m != nil {
			o.forms[coding].Store(m)
		}
	}
	return m
}

func (s *Site) newForm(o *opened, coding pagecache.Coding) *form {
	m := &form{file: o.f, of: o, size: o.stamps[coding].Size}
	fields := s.fields(&o.target, coding, o.sniff())
	var err error
	if m.head, err = pagecache.BuildHead(200, fields, m.size); err != nil {
		panic("goserver: static: " + err.Error()) // a field that Options.CacheControl made
	}
	m.etag = field(fields, "ETag")
	if coding != pagecache.Identity {
		side := s.open(o.name + sidecars[coding])
		if side.kind != regular || side.info.stamp != o.stamps[coding] {
			side.close()
			return nil
		}
		m.file = side.f
	}
	return m
}

// hold makes what is sent from a regular file, and keeps it open for later requests
// if there is a path that leads to it. It takes t.f over; the reference is the caller's.
func (s *Site) hold(t *target) *opened {
	defer func() { t.f = nil }()
	shared, isShared := t.f.(*sharedFile)
	if isShared && shared.o.fallback == t.fallback {
		return shared.o
	}
	t.sniff()
	o := newOpened(t, s.files, s.now())
	o.alone, o.lastModified = !s.worthLoading(t), t.modified()
	if t.path != "" && !isShared && !t.fallback && t.settled() {
		s.files.put(o)
	}
	return o
}

// share gives the caller's reference as a target.
func (o *opened) share() target {
	t := o.target
	t.f = &sharedFile{o.f, o}
	return t
}

// A sharedFile is a reference to an opened, as a file.
type sharedFile struct {
	file
	o *opened
}

func (f *sharedFile) Close() error { return f.o.Close() }

// sendOpen answers from a file that is kept open for a path, when it is one that
// the page cache does not take and that need not be compared with what is there.
// It is the whole of a request for a large file.
func (s *Site) sendOpen(c *direct.Ctx, path []byte, now time.Duration) bool {
	o := s.files.get(path)
	if o == nil {
		return false
	}
	if !o.alone || o.due(s.recheck, now) {
		o.Close()
		return false
	}
	c.CloseAfter(o)
	s.sendOpened(c, o)
	return true
}

package static

import (
	"fmt"
	"hash/maphash"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of a site's open files. The idle time is how long a file that nobody asks for stays
// open, and with it the space of one that was deleted.
const (
	DefaultOpenFiles = 8192 // descriptors, or an eighth of what the process may open, if that is less
	openFileShards   = 8
	idleOpenFile     = time.Minute
)

// openFiles keeps files open between requests, by the path that led to them. It is
// bounded in descriptors, of files and of sidecars that may be opened beside them; a file
// that nobody asked for again goes first, so that a crawl does not drive out those in demand.
// It is safe for any number of goroutines, and those who look up do not wait for
// one another.
type openFiles struct {
	seed   maphash.Seed
	shards []openShard // as many as a power of two; none when no file is kept
	now    func() time.Duration

	mu     sync.Mutex
	timer  *time.Timer // to sweep; nil while there is nothing
	armed  atomic.Bool
	closed bool
}

type openShard struct {
	hits, misses, evictions atomic.Int64

	mu    sync.RWMutex
	files map[string]*opened
	ring  []*opened // in any order; hand goes round
	hand  int
	used  int // descriptors
	most  int
}

// descriptorsFor returns how many descriptors a site keeps for Options.OpenFiles.
func descriptorsFor(option int) (int, error) {
	limit := descriptorLimit()
	switch {
	case option < 0:
		return 0, nil
	case option == 0:
		return min(DefaultOpenFiles, limit/8), nil
	case option > limit/2:
		why := fmt.Sprintf("expected at most %d, half of what this process may open (RLIMIT_NOFILE)", limit/2)
		return 0, &OptionError{"OpenFiles", strconv.Itoa(option), why}
	}
	return option, nil
}

func newOpenFiles(most int, now func() time.Duration) *openFiles {
	f := &openFiles{seed: maphash.MakeSeed(), now: now}
	n := openFileShards
	for n > 1 && most/n < 16 {
		n /= 2
	}
	if most > 0 {
		f.shards = make([]openShard, n)
	}
	for i := range f.shards {
		f.shards[i].files = make(map[string]*opened)
		f.shards[i].most = (most + i) / n
	}
	return f
}

func (f *openFiles) shard(path []byte) *openShard {
	return &f.shards[maphash.Bytes(f.seed, path)&uint64(len(f.shards)-1)]
}

// get returns the file of a path, or nil. The caller gets a reference.
func (f *openFiles) get(path []byte) *opened {
	if len(f.shards) == 0 {
		return nil
	}
	sh := f.shard(path)
	sh.mu.RLock()
	o := sh.files[string(path)]
	if o != nil {
		o.refs.Add(1) // the cache has one, and keeps it while sh.mu is held
	}
	sh.mu.RUnlock()
	if o == nil {
		sh.misses.Add(1)
		return nil
	}
	sh.hits.Add(1)
	o.touch(f.now())
	return o
}

// put keeps o for its path, in the place of what was there, and takes a
// reference of its own. If it does not fit, or comes too late, none is kept for the path.
func (f *openFiles) put(o *opened) {
	if len(f.shards) == 0 {
		return
	}
	sh, n := f.shard([]byte(o.path)), o.descriptors()
	o.used.Store(int64(f.now()))
	sh.mu.Lock()
	var gone *opened
	if old := sh.files[o.path]; old != nil {
		gone = sh.remove(old, gone)
	}
	if n <= sh.most {
		for sh.used+n > sh.most {
			gone = sh.remove(sh.victim(), gone)
			sh.evictions.Add(1)
		}
		o.refs.Add(1)
		o.at = len(sh.ring)
		sh.ring = append(sh.ring, o)
		sh.files[o.path] = o
		sh.used += n
	}
	sh.mu.Unlock()
	closeAll(gone)
	f.arm()
}

// drop forgets o, if it is still what is kept for its path.
func (f *openFiles) drop(o *opened) {
	if len(f.shards) == 0 {
		return
	}
	sh := f.shard([]byte(o.path))
	sh.mu.Lock()
	var gone *opened
	if sh.files[o.path] == o {
		gone = sh.remove(o, nil)
	}
	sh.mu.Unlock()
	closeAll(gone)
}

// forget forgets what is kept for a path.
func (f *openFiles) forget(path []byte) {
	if o := f.get(path); o != nil {
		f.drop(o)
		o.Close()
	}
}

// dropIf forgets all files for which the condition holds, and returns how many.
func (f *openFiles) dropIf(condition func(o *opened) bool) (n int) {
	for i := range f.shards {
		sh := &f.shards[i]
		var gone *opened
		sh.mu.Lock()
		for at := len(sh.ring) - 1; at >= 0; at-- {
			if o := sh.ring[at]; condition(o) {
				gone = sh.remove(o, gone)
				n++
			}
		}
		sh.mu.Unlock()
		closeAll(gone)
	}
	return n
}

// shed gives back the descriptors that no response uses, for a process that
// has none left, and reports whether there were any.
func (f *openFiles) shed() bool {
	return f.dropIf(func(o *opened) bool { return o.refs.Load() == 1 }) > 0
}

// OpenFileStats are the counts of files that are kept open; goserver.StaticOpenFiles has
// the same fields and tells what they mean.
type OpenFileStats struct {
	Hits, Misses, Evictions, Open int64
}

// Add adds the counts of another site.
func (s *OpenFileStats) Add(o OpenFileStats) {
	s.Hits += o.Hits
	s.Misses += o.Misses
	s.Evictions += o.Evictions
	s.Open += o.Open
}

// stats may be called at any time. The counts are not of one moment.
func (f *openFiles) stats() (s OpenFileStats) {
	for i := range f.shards {
		sh := &f.shards[i]
		sh.mu.RLock()
		s.Open += int64(sh.used)
		sh.mu.RUnlock()
		s.Hits += sh.hits.Load()
		s.Misses += sh.misses.Load()
		s.Evictions += sh.evictions.Load()
	}
	return s
}

// close gives all back, but for those that responses still use: they close with those.
func (f *openFiles) close() {
	f.mu.Lock()
	f.closed = true
	if f.timer != nil {
		f.timer.Stop()
	}
	f.mu.Unlock()
	for i := range f.shards {
		sh := &f.shards[i]
		sh.mu.Lock()
		sh.most = 0 // nothing fits any more
		sh.mu.Unlock()
	}
	f.dropIf(func(*opened) bool { return true })
}

// arm sees to it that a sweep will come.
func (f *openFiles) arm() {
	if f.armed.Load() || !f.armed.CompareAndSwap(false, true) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		f.timer = time.AfterFunc(idleOpenFile, f.sweepOnTime)
	}
}

func (f *openFiles) sweepOnTime() {
	f.sweep(f.now())
	f.armed.Store(false)
	if f.stats().Open > 0 {
		f.arm()
	}
}

// sweep forgets the files that nobody has asked for in a while.
func (f *openFiles) sweep(now time.Duration) {
	f.dropIf(func(o *opened) bool { return now-time.Duration(o.used.Load()) >= idleOpenFile })
}

// victim returns the next file to go: the first that was not asked for since the
// hand passed it last. mu is held, and there is one.
func (sh *openShard) victim() *opened {
	for {
		if sh.hand >= len(sh.ring) {
			sh.hand = 0
		}
		o := sh.ring[sh.hand]
		if !o.again.Swap(false) {
			return o
		}
		sh.hand++
	}
}

// remove takes o out and puts it before the list of those gone, which are
// closed when mu is free: to close a deleted file may take long.
func (sh *openShard) remove(o, gone *opened) *opened {
	last := sh.ring[len(sh.ring)-1]
	sh.ring[o.at], last.at = last, o.at
	sh.ring[len(sh.ring)-1] = nil
	sh.ring = sh.ring[:len(sh.ring)-1]
	delete(sh.files, o.path)
	sh.used -= o.descriptors()
	o.next = gone
	return o
}

func closeAll(gone *opened) {
	for gone != nil {
		o := gone
		gone, o.next = o.next, nil
		o.Close()
	}
}

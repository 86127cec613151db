package static

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	weakly "weak"
)

// preloaders is how many goroutines read files at once: with fewer the disk waits
// for the next name, and with more they wait for one another.
const preloaders = 4

// preload loads the directories that the options name into the cache, and logs a line for each.
func (s *Site) preload() {
	for _, dir := range s.options.Preload {
		log := s.options.Logger.With("dir", dir)
		start := time.Now()
		if err := s.preloadable(dir); err != nil {
			log.Warn("static preload skipped", "reason", err.Error())
			continue
		}
		p := &preloading{site: s, names: make(chan found, preloaders)}
		p.run(dir)
		level, more := slog.LevelInfo, []any{}
		if p.full.Load() {
			level, more = slog.LevelWarn, []any{"reason", "the cache is full"}
		}
		log.With("files", p.files.Load(), "bytes", p.bytes.Load(), "ms", time.Since(start).Milliseconds()).
			Log(context.Background(), level, "static preload complete", more...)
	}
}

var (
	errNotServed    = errors.New("not a directory that is served")
	errNotDirectory = errors.New("not a directory")
)

func (s *Site) preloadable(dir string) error {
	if !s.servesName(dir) {
		return errNotServed
	}
	info, err := s.root.Stat(dir)
	if at := (*fs.PathError)(nil); errors.As(err, &at) {
		return at.Err // the log has the name
	}
	if err == nil && !info.IsDir() {
		return errNotDirectory
	}
	return err
}

// A preloading loads one directory.
type preloading struct {
	site         *Site
	names        chan found
	files, bytes atomic.Int64
	full         atomic.Bool // the cache is: the rest is left

	mu            sync.Mutex
	loading, size int64 // files that are being loaded, and their bytes
	jobs          []job // to ask for when all is loaded: until then there are better uses of a CPU
}

// A found is a file to load.
type found struct {
	name  string
	index bool // stands for its directory, too
}

func (p *preloading) run(dir string) {
	var wg sync.WaitGroup
	for range min(preloaders, runtime.GOMAXPROCS(0)+1) {
		wg.Go(func() {
			for f := range p.names {
				p.load(f)
			}
		})
	}
	p.walk(dir)
	close(p.names)
	wg.Wait()
	for _, j := range p.jobs {
		p.site.ask(j)
	}
}

// walk finds the files in a directory and in those below it. Links to
// directories are not followed, so that there are no loops; what
// cannot be read is left out.
func (p *preloading) walk(dir string) {
	list, err := fs.ReadDir(p.site.root.FS(), dir)
	if err != nil {
		return
	}
	index := p.site.indexOf(list)
	for _, entry := range list {
		if p.full.Load() {
			return
		}
		if !p.site.serves(entry.Name(), dir == ".") {
			continue
		}
		if name := path.Join(dir, entry.Name()); entry.IsDir() {
			p.walk(name)
		} else if entry.Type()&^os.ModeSymlink == 0 {
			p.names <- found{name, entry.Name() == index}
		}
	}
}

// indexOf returns the name in a directory that stands for it, or "".
func (s *Site) indexOf(list []fs.DirEntry) string {
	for _, index := range s.options.Index {
		if slices.ContainsFunc(list, func(e fs.DirEntry) bool { return e.Name() == index && e.Type().IsRegular() }) {
			return index
		}
	}
	return ""
}

// load loads a file, if it is small enough and the cache has room.
func (p *preloading) load(f found) {
	s := p.site
	seen := s.watch.seen()
	t := s.open(f.name)
	defer t.close()
	if t.kind != regular {
		return
	}
	s.stampSidecars(&t)
	t.seen = seen
	if !s.worthLoading(&t) || !t.settled() {
		return
	}
	size := entryMargin + s.pageBytes(&t)
	if !p.reserve(size) {
		return
	}
	defer p.release(size)
	key, now := s.key(f.name), s.now()
	e := s.load(&t, http.StatusOK)
	if e != nil && s.store(key, &t, e, now) {
		p.files.Add(1)
		p.bytes.Add(t.info.Size())
		if f.index {
			s.cache.Put(s.indexKey(f.name), e, now)
		}
	}
	if s.lacksVariants(&t, e) {
		p.mu.Lock()
		p.jobs = append(p.jobs, job{site: s, key: key, old: weakly.Make(e), later: true})
		p.mu.Unlock()
	}
}

// indexKey returns the path of the directory that a name is in.
func (s *Site) indexKey(name string) string { return s.key(name[:strings.LastIndexByte(name, '/')+1]) }

// pageBytes returns how many bytes of t and its sidecars are kept.
func (s *Site) pageBytes(t *target) (n int64) {
	for _, st := range t.stamps {
		if st.Size <= s.limit(http.StatusOK) {
			n += st.Size
		}
	}
	return n
}

// entryMargin is what an entry takes at most beside its content, in bytes. A
// file may become two entries.
const entryMargin = 8 << 10

// reserve takes the room for a file, so that no two take the last, until it is in the
// cache. It fails when there is none.
func (p *preloading) reserve(size int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	st, o := p.site.cache.Stats(), p.site.cache.Options()
	if p.full.Load() || st.Entries+2*p.loading+2 > int64(o.MaxEntries) || st.Bytes+2*(p.size+size) > o.MaxBytes {
		p.full.Store(true)
		return false
	}
	p.loading++
	p.size += size
	return true
}

func (p *preloading) release(size int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.loading--
	p.size -= size
}

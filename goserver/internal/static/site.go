package static

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/hyperion-server/hyperion/pagecache"
)

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
	NoCompression bool
	Immutable     []string
	Preload       []string
	Watch         bool
	MaxCachedFile int
	CacheBytes    int64
	CacheEntries  int
	AdmitAfter    int
	Recheck       time.Duration
	NegativeTTL   time.Duration
	OpenFiles     int
	Logger        *slog.Logger
}

// A Site serves the files of one directory. It is safe for any number of goroutines.
type Site struct {
	options  Options
	prefix   string // of all paths, with a slash at both ends
	spa      []byte // the path of the fallback file; nil: none
	root     *os.Root
	tree     fileTree // below root
	files    *openFiles
	recheck  time.Duration // negative: each time
	cache    *pagecache.Cache
	now      func() time.Duration
	names    int           // most that a listing has
	done     chan struct{} // closed by Close
	closing  sync.Once
	loading  flights
	surveyor surveyor
	watch    *watch // nil: none

	worker      *worker
	compression compression
}

// DefaultMaxCachedFile is the size in bytes up to which a file is sent faster from a page
// than by the kernel from the file. Server CPU in µs a request, wrk on 64 connections, least and median of 4
// on 2 cores of an AMD EPYC:
//
//	          page         sendfile
//	16 KiB     9.4   9.4    9.7   9.8
//	32 KiB    10.7  11.0   12.0  12.1
//	64 KiB    20.2  42.9   17.0  17.2   (copies of so much in flight leave the processor's caches)
const DefaultMaxCachedFile = 32 << 10

// New opens dir to serve it under the URL path prefix, which starts and ends with a
// slash. now is a clock that may be coarse; it says when a cached file is to be checked.
func New(prefix, dir string, o Options, now func() time.Duration) (*Site, error) {
	if err := o.check(prefix); err != nil {
		return nil, err
	}
	if o.Index == nil {
		o.Index = []string{"index.html"}
	}
	if o.NegativeTTL == 0 && o.Recheck < 0 {
		o.NegativeTTL = -1
	}
	if o.CacheControl == nil {
		o.CacheControl = CacheControl
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	descriptors, err := descriptorsFor(o.OpenFiles)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("goserver: static directory: %w", err)
	}
	if o.MaxCachedFile == 0 {
		o.MaxCachedFile = DefaultMaxCachedFile
	}
	maxBody := o.MaxCachedFile
	if maxBody > 0 {
		maxBody = max(maxBody, pagecache.DefaultMaxBody) // of compressed variants, which no file has
	}
	s := &Site{
		options: o, prefix: prefix, root: root, now: now, names: maxListing, done: make(chan struct{}), worker: &compressor,
		cache: pagecache.New(pagecache.Options{
			MaxBytes: cacheBytesFor(o.CacheBytes), MaxEntries: o.CacheEntries, MaxBody: maxBody,
			AdmitAfter: o.AdmitAfter, Recheck: o.Recheck, NegativeTTL: o.NegativeTTL,
		}),
	}
	s.recheck = s.cache.Options().Recheck
	if s.tree, err = newTree(root); err == nil {
		err = s.checkFiles()
	}
	if err != nil {
		root.Close()
		return nil, err
	}
	s.files = newOpenFiles(descriptors, now)
	if o.Watch {
		if s.watch = s.newWatch(maxWatched); s.watch != nil {
			go s.watch.run()
		}
	}
	s.preload()
	return s, nil
}

// Close gives the directory back, and ends what the site does in the background.
// Requests that come later are answered from the cache, or with 503.
func (s *Site) Close() error {
	s.closing.Do(func() { close(s.done) })
	s.watch.close()
	s.worker.forget(s)
	s.files.close()
	return errors.Join(s.tree.Close(), s.root.Close())
}

// Stats are the counts of a site.
type Stats struct {
	pagecache.Stats
	Compression CompressionStats
	Files       OpenFileStats
}

// Stats may be called at any time.
func (s *Site) Stats() Stats {
	return Stats{Stats: s.cache.Stats(), Compression: s.compression.stats(), Files: s.files.stats()}
}

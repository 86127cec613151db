package static

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path"
	"strings"
	"sync"
	"time"

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
	for _, pattern := range o.Immutable {
		if _, err := path.Match(pattern, ""); err != nil {
			return nil, fmt.Errorf("%w: Immutable: %q: %w", ErrOption, pattern, err)
		}
	}
	if o.AdmitAfter < 0 || o.AdmitAfter > 15 {
		return nil, fmt.Errorf("%w: AdmitAfter: %d: want at most 15 requests", ErrOption, o.AdmitAfter)
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

package goserver

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/static"
	"github.com/hyperion-server/hyperion/pagecache"
)

// Defaults of the fields of StaticOptions that have the same name.
const (
	DefaultMaxCachedFile = static.DefaultMaxCachedFile
	DefaultCacheBytes    = static.DefaultCacheBytes
	DefaultCacheEntries  = pagecache.DefaultMaxEntries
	DefaultAdmitAfter    = pagecache.DefaultAdmitAfter
	DefaultRecheck       = pagecache.DefaultRecheck
	DefaultOpenFiles     = static.DefaultOpenFiles
)

// StaticOptions say how Server.Static serves a directory. The zero value, or nil in
// its place, is good for most sites.
type StaticOptions struct {
	// Index names the files that stand for their directory, the best first.
	// nil: index.html. Empty: none.
	Index []string

	// Listing makes a page with the content of directories without index
	// file; otherwise they are answered with 404.
	Listing bool

	// Dotfiles serves files and directories whose name starts with a dot.
	// Otherwise they are answered with 404 and are not listed, but for
	// /.well-known (RFC 8615).
	Dotfiles bool

	// SPA names the file that is sent, with 200, in the place of a 404 for
	// pages of a single-page application: requests that take HTML for
	// paths without the extension of a known media type, unless a script
	// fetches them without naming HTML in Accept. "": none.
	SPA string

	// ErrorPages names files of at most 1 MiB that are the bodies of errors, by status:
	// 403, 404, 405, 406, 412, 416, 500 or 503. Other errors have a few words in HTML
	// or text. They may lie in a directory with a dot, so that nobody asks for them.
	ErrorPages map[int]string

	// CacheControl returns the Cache-Control field for a file, or "" for none. name is
	// that of the file which is sent, relative to the directory, with slashes.
	// It must be safe for any number of goroutines and return a valid field value.
	// nil: StaticCacheControl.
	CacheControl func(name string) string

	// NoSidecars sends files as they are. Otherwise, when there is a file of the same
	// name with .br, .zst or .gz behind it, that is sent to clients who accept the coding
	// (RFC 9110 §12.5.3), unless it is older than the file, by whole seconds, or not
	// smaller. br is better than zstd, and that than gzip, when the client has no preference.
	// None is looked for beside files that are compressed in themselves.
	NoSidecars bool

	// NoCompression makes no compressed variants. Otherwise, of cached files of a type that
	// gains by it (text, scripts, fonts that are not packed, and the like), gzip, br and zstd
	// variants at the best level are made in the background where there is no sidecar, once a
	// client names codings that it takes, and kept when they are at least 5 % smaller. Requests never wait for that: until a variant is there, the file is sent as it is.
	// All sites of the process share one worker, which takes at most a quarter of one CPU.
	NoCompression bool

	// Immutable are patterns (see path.Match) of files that never change: once in the cache they
	// are not looked at again. A pattern without slash is matched with the last element of
	// a file's name, others with the whole name, relative to the directory.
	Immutable []string

	// Preload names directories below the served one, "." for itself, whose files are loaded
	// into the cache when Static is called, as far as there is room. Their files are
	// immutable, as Immutable says. Links to directories are not followed. What can't be loaded is logged and
	// does no harm.
	Preload []string

	// Watch asks the system to tell of changes in the directory, so that they show
	// at once and the disk is not asked every Recheck. Links, and directories
	// that can't be watched, are still looked at as Recheck says.
	Watch bool

	MaxCachedFile int           // bytes; larger files are sent from the disk, their compressed variants up to 64 KiB from memory; 0: DefaultMaxCachedFile; negative: all are
	CacheBytes    int64         // of the cache for files, with its table; 0: DefaultCacheBytes, or an eighth of what the process may have; negative: an error
	CacheEntries  int           // paths in the cache; 0: DefaultCacheEntries; negative: an error
	AdmitAfter    int           // requests for a file before it is put into the cache; 0: DefaultAdmitAfter; 1: at once; at most 15; negative: an error
	Recheck       time.Duration // how long a cached file is sent before the disk is asked for changes; 0: DefaultRecheck; negative: it is asked each time
	NegativeTTL   time.Duration // how long a path is answered with 404 before the disk is asked again; 0: 1 s, none when Recheck is negative; negative: none
	OpenFiles     int           // descriptors kept open of files that are sent from the disk; 0: DefaultOpenFiles, or an eighth of what the process may open; negative: none

	// Logger is told of what was preloaded and of what can't be watched. nil: slog.Default.
	Logger *slog.Logger
}

// ErrStaticPrefix is in the errors of Server.Static of which the prefix is the cause.
var ErrStaticPrefix = static.ErrPrefix

// A StaticOptionError is why Server.Static refuses an option.
type StaticOptionError struct {
	Option string // the field of StaticOptions
	Value  string // of ErrorPages one item, as "404=lost.html"; of those with several values the one that is wrong
	Reason string // what is wrong, and what is expected
}

func (e *StaticOptionError) Error() string { return (*static.OptionError)(e).Error() }

// StaticErrorStatuses returns the statuses that StaticOptions.ErrorPages may have.
func StaticErrorStatuses() []int { return static.ErrorStatuses() }

// Static serves the files below dir to requests for paths below prefix, on the
// direct path. prefix is a path that ends with a slash, "/" or "/assets/", and may have a
// host before it, "example.com/". o may be nil. It is an error if dir can't be opened, if
// the prefix is taken, and, as a *StaticOptionError, if an option means nothing or names a file
// that is not there. The directory stays open as long as the Server lives.
//
// Files small enough are kept in memory as whole responses. A file may be replaced
// at any time, best by a rename: responses that are being sent go on with the old one.
// Responses have an ETag and Last-Modified, conditions and ranges are answered
// as RFC 9110 §13 and §14 say. Nothing outside dir is ever opened: symbolic links are
// followed when they are relative and stay inside. Methods other than GET, HEAD and
// OPTIONS are answered with 405.
//
// Routes that are more specific go first: Static("/", ...) leaves "/api/" to a
// direct route, but takes all other requests away from the Handler.
func (s *Server) Static(prefix, dir string, o *StaticOptions) error {
	if o == nil {
		o = &StaticOptions{}
	}
	slash := strings.IndexByte(prefix, '/')
	if slash < 0 || !strings.HasSuffix(prefix, "/") {
		return fmt.Errorf("%w: %q: expected a path that ends with a slash, did you mean %q?",
			ErrStaticPrefix, prefix, "/"+strings.Trim(prefix, "/")+"/")
	}
	site, err := static.New(prefix[slash:], dir, static.Options(*o), s.coarseClock().Now)
	if wrong := (*static.OptionError)(nil); errors.As(err, &wrong) {
		return (*StaticOptionError)(wrong)
	}
	if err != nil {
		return err
	}
	if err := s.routes.Handle(prefix, site.Serve); err != nil {
		site.Close()
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sites = append(s.sites, site)
	return nil
}

// StaticCacheControl is what StaticOptions.CacheControl is when it is nil: "no-cache" for
// HTML, which is asked for each time; "public, max-age=31536000, immutable" for assets with a
// fingerprint of their content in the name, like app.3f9a1c2b.js or app-BxY12abC.css; and
// "public, max-age=3600" for all else.
func StaticCacheControl(name string) string { return static.CacheControl(name) }

// StaticStats are the counts of the page caches of static sites, and of the
// compression in the background.
type StaticStats struct {
	pagecache.Stats
	Compression StaticCompression
	Files       StaticOpenFiles
}

// StaticOpenFiles are the counts of files that are kept open.
type StaticOpenFiles struct {
	Hits      int64 // requests that found the file open
	Misses    int64 // requests of what is not in memory that did not
	Evictions int64 // files closed to make room
	Open      int64 // descriptors set aside now, of files and their sidecars
}

// StaticCompression are the counts of the variants of files that are made in the background.
type StaticCompression struct {
	Made    int64         // variants put into the cache
	Skipped int64         // variants that were less than 5 % smaller, or too large
	Failed  int64         // files that changed or could not be read meanwhile
	Dropped int64         // files that found the queue full, or were preloaded and found the cache full
	Saved   int64         // bytes that the variants made are smaller than their files
	CPU     time.Duration // spent
}

// StaticStats returns the counts of all sites together.
func (s *Server) StaticStats() StaticStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	var sum static.Stats
	for _, site := range s.sites {
		st := site.Stats()
		sum.Stats.Add(st.Stats)
		sum.Compression.Add(st.Compression)
		sum.Files.Add(st.Files)
	}
	return StaticStats{sum.Stats, StaticCompression(sum.Compression), StaticOpenFiles(sum.Files)}
}

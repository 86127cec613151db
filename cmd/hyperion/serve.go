package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/hyperion-server/hyperion/cmd/hyperion/internal/setting"
	"github.com/hyperion-server/hyperion/goserver"
)

// serveFlags are the settings of `hyperion serve`.
type serveFlags struct {
	*serverFlags

	index, errorPages, preload, immutable           setting.List
	listing, dotfiles, sidecars, compression, watch bool
	spa, cacheControl                               string
	cacheSize, maxCachedFile                        setting.Size
	recheck                                         setting.Span
	cacheEntries, admitAfter, openFiles             setting.Count
}

func newServeFlags() *serveFlags {
	f := &serveFlags{
		serverFlags:   newServerFlags(),
		index:         setting.List{Items: []string{"index.html"}, Kind: "NAME"},
		errorPages:    setting.List{Kind: "CODE=FILE", Check: func(s string) error { _, _, err := errorPage(s); return err }},
		sidecars:      true,
		cacheSize:     setting.Size{Bytes: goserver.DefaultCacheBytes, Optional: true},
		maxCachedFile: setting.Size{Bytes: goserver.DefaultMaxCachedFile, Max: 1 << 30},
		recheck:       setting.Span{D: goserver.DefaultRecheck, Zero: true},
		preload:       setting.List{Kind: "DIR"},
		immutable:     setting.List{Kind: "PATTERN", Check: checkPattern},
		compression:   true,
		cacheEntries:  setting.Count{N: goserver.DefaultCacheEntries},
		admitAfter:    setting.Count{N: goserver.DefaultAdmitAfter, Max: 15},
		openFiles:     setting.Count{N: goserver.DefaultOpenFiles, Optional: true},
	}
	site, cache := newGroup("Site", false), newGroup("Files in memory", true)
	f.define(site.FlagSet)
	f.defineCache(cache.FlagSet)
	f.groups = append(append([]flagGroup{site}, f.groups...), cache)
	return f
}

func checkPattern(s string) error {
	if _, err := path.Match(s, ""); err != nil || s == "" {
		return errors.New("expected a pattern, such as *.woff2 or assets/*")
	}
	return nil
}

func (f *serveFlags) define(fs *pflag.FlagSet) {
	fs.Var(&f.index, "index", "file that stands for its directory; may be repeated, the best first")
	toggle(fs, &f.listing, "listing", "list directories that have no index file")
	fs.StringVar(&f.spa, "spa", "", "send this `FILE` instead of a 404 for pages of a single-page application")
	toggle(fs, &f.dotfiles, "dotfiles", "serve files whose name starts with a dot, too")
	fs.Var(&f.errorPages, "error-page", "body of an error, such as 404=404.html; may be repeated")
	toggle(fs, &f.sidecars, "sidecars", "send FILE.br, .zst or .gz for FILE to who accepts that (off: --no-sidecars)")
	setting.Negate(fs, "sidecars", &f.sidecars)
	fs.StringVar(&f.cacheControl, "cache-control", "", "Cache-Control of all files, as `VALUE`; by default html is asked for each time, names with a fingerprint are kept for good, others an hour")
	fs.Var(&f.cacheSize, "cache-size", "memory for whole responses, by default no more than an eighth of what the process may have; none: files come from the disk")
	fs.Var(&f.maxCachedFile, "cache-max-file", "larger files come from the disk")
	fs.Var(&f.recheck, "recheck", "how long a response is sent from memory before its file is looked at again; 0s: each time")
	toggle(fs, &f.watch, "watch", "let the system tell of changes in the directory, so that they show at once")
	fs.Var(&f.immutable, "immutable", "files that never change, such as *.woff2 or assets/*, are not looked at again; may be repeated")
	fs.Var(&f.preload, "preload-static", "load the files below this directory of the site at start, . for all; they are immutable; may be repeated")
	toggle(fs, &f.compression, "compression", "make gzip, br and zstd variants of files in memory, in the background (off: --no-compression)")
	setting.Negate(fs, "compression", &f.compression)
}

func (f *serveFlags) defineCache(fs *pflag.FlagSet) {
	fs.Var(&f.cacheEntries, "cache-entries", "paths in memory at once")
	fs.Var(&f.admitAfter, "admit-after", "requests for a file before it is kept in memory")
	fs.Var(&f.openFiles, "open-files", "files kept open that come from the disk")
}

// errorPage splits "404=404.html".
func errorPage(s string) (status int, file string, err error) {
	statuses := goserver.StaticErrorStatuses()
	code, file, _ := strings.Cut(s, "=")
	if status, err = strconv.Atoi(code); err != nil || !slices.Contains(statuses, status) || file == "" {
		return 0, "", fmt.Errorf("expected one of %d, = and a file, such as 404=404.html", statuses)
	}
	return status, file, nil
}

func (a *app) serveCommand() *cobra.Command {
	f := newServeFlags()
	cmd := &cobra.Command{
		Use:   "serve [DIR]",
		Short: "Serve a directory",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			return ran(a.serve(f.serverFlags, func(srv *goserver.Server) (site, error) { return f.directory(a.logs.log, srv, dir) }))
		},
	}
	f.attach(cmd)
	return cmd
}

// directory registers the files of dir.
func (f *serveFlags) directory(log *slog.Logger, srv *goserver.Server, dir string) (site, error) {
	if strings.ContainsFunc(f.cacheControl, func(r rune) bool { return r < ' ' || r > '~' }) {
		return site{}, badConfig(fmt.Errorf("--cache-control %q: expected printable ASCII", f.cacheControl))
	}
	abs, err := filepath.Abs(dir)
	if err == nil {
		o := f.options()
		o.Logger = log
		boundGarbage(f.cacheSize.Bytes)
		for _, d := range f.preload.Items {
			o.Preload = append(o.Preload, below(abs, d))
		}
		err = srv.Static("/", dir, o)
	}
	if len(f.preload.Items) > 0 {
		debug.FreeOSMemory() // what loading has left behind
	}
	if err != nil {
		return site{}, badConfig(fmt.Errorf("cannot serve %s: %w", dir, f.named(err)))
	}
	return site{name: dir, dir: abs}, nil
}

// named returns an error of Server.Static in the words of who set the flags: with the
// name of the flag or of the variable, whichever was set.
func (f *serveFlags) named(err error) error {
	if wrong := (*goserver.StaticOptionError)(nil); errors.As(err, &wrong) {
		flag := f.flag(flagOfOption[wrong.Option])
		name := setting.Name(flag.Name)
		if flag.Changed {
			name = "--" + flag.Name
		}
		return fmt.Errorf("%s=%q: %s", name, wrong.Value, wrong.Reason)
	}
	if at := (*os.PathError)(nil); errors.As(err, &at) {
		return at.Err // of the directory, whose name is in the message
	}
	return err
}

// flagOfOption has the flags by the fields of StaticOptions that may be refused.
var flagOfOption = map[string]string{
	"Index": "index", "Immutable": "immutable", "SPA": "spa", "ErrorPages": "error-page", "AdmitAfter": "admit-after",
	"OpenFiles": "open-files", "CacheBytes": "cache-size", "CacheEntries": "cache-entries",
}

// boundGarbage lets about 64 MiB of garbage come together beside a full cache, not as much
// again as that holds. GOGC, when it is set, stands.
func boundGarbage(cache int64) {
	const garbage, least = 64 << 20, 5 // bytes; percent
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(max(least, int(100*garbage/(garbage+cache))))
	}
}

// below returns the name that a directory given on the command line has in dir,
// which is absolute. One that is not below it comes out as such, for the server to tell.
func below(dir, name string) string {
	if filepath.IsAbs(name) {
		if rel, err := filepath.Rel(dir, name); err == nil {
			name = rel
		}
	}
	return path.Clean(filepath.ToSlash(name))
}

func (f *serveFlags) options() *goserver.StaticOptions {
	o := &goserver.StaticOptions{
		Index: f.index.Items, Listing: f.listing, Dotfiles: f.dotfiles, SPA: f.spa, NoSidecars: !f.sidecars,
		NoCompression: !f.compression, Immutable: f.immutable.Items, Watch: f.watch,
		CacheEntries: f.cacheEntries.N, AdmitAfter: f.admitAfter.N, OpenFiles: f.openFiles.N,
		ErrorPages: map[int]string{}, CacheBytes: f.cacheSize.Bytes, MaxCachedFile: int(f.maxCachedFile.Bytes), Recheck: f.recheck.D,
	}
	for _, item := range f.errorPages.Items {
		status, file, _ := errorPage(item) // checked when it was set
		o.ErrorPages[status] = file
	}
	if f.cacheControl != "" {
		o.CacheControl = func(string) string { return f.cacheControl }
	}
	if f.cacheSize.Bytes == setting.None {
		o.CacheBytes, o.MaxCachedFile = 0, -1
	}
	if f.openFiles.N == goserver.DefaultOpenFiles {
		o.OpenFiles = 0 // which is less where the process may not open so many
	}
	if f.cacheSize.Bytes == goserver.DefaultCacheBytes {
		o.CacheBytes = 0 // which is less where the process may not have so much
	}
	if f.recheck.D == 0 {
		o.Recheck = -1
	}
	return o
}

package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/hyperion-server/hyperion/cmd/hyperion/internal/setting"
	"github.com/hyperion-server/hyperion/goserver"
)

// serveFlags are the settings of `hyperion serve`.
type serveFlags struct {
	*serverFlags

	index, errorPages           setting.List
	listing, dotfiles, sidecars bool
	spa, cacheControl           string
	cacheSize, maxCachedFile    setting.Size
	recheck                     setting.Span
}

// Defaults of goserver.StaticOptions, where zero means them.
const (
	defaultCacheSize     = 64 << 20
	defaultMaxCachedFile = 64 << 10
)

func newServeFlags() *serveFlags {
	f := &serveFlags{
		serverFlags:   newServerFlags(),
		index:         setting.List{Items: []string{"index.html"}, Kind: "NAME"},
		errorPages:    setting.List{Kind: "CODE=FILE", Check: func(s string) error { _, _, err := errorPage(s); return err }},
		sidecars:      true,
		cacheSize:     setting.Size{Bytes: defaultCacheSize, Optional: true},
		maxCachedFile: setting.Size{Bytes: defaultMaxCachedFile, Max: 1 << 30},
		recheck:       setting.Span{D: 5 * time.Second, Zero: true},
	}
	site := newGroup("Site", false)
	f.define(site.FlagSet)
	f.groups = append([]flagGroup{site}, f.groups...)
	return f
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
	fs.Var(&f.cacheSize, "cache-size", "memory for whole responses; none: files come from the disk")
	fs.Var(&f.maxCachedFile, "cache-max-file", "larger files come from the disk")
	fs.Var(&f.recheck, "recheck", "how long a response is sent from memory before its file is looked at again; 0s: each time")
}

// errorPage splits "404=404.html".
func errorPage(s string) (status int, file string, err error) {
	code, file, _ := strings.Cut(s, "=")
	if status, err = strconv.Atoi(code); err != nil || status < 400 || status > 599 || file == "" {
		return 0, "", errors.New("expected a status from 400 to 599, = and a file, such as 404=404.html")
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
			return ran(a.serve(f.serverFlags, func(srv *goserver.Server) (site, error) { return f.directory(srv, dir) }))
		},
	}
	f.attach(cmd)
	return cmd
}

// directory registers the files of dir.
func (f *serveFlags) directory(srv *goserver.Server, dir string) (site, error) {
	if strings.ContainsFunc(f.cacheControl, func(r rune) bool { return r < ' ' || r > '~' }) {
		return site{}, badConfig(fmt.Errorf("--cache-control %q: expected printable ASCII", f.cacheControl))
	}
	abs, err := filepath.Abs(dir)
	if err == nil {
		err = srv.Static("/", dir, f.options())
	}
	if err != nil {
		return site{}, badConfig(fmt.Errorf("cannot serve %s: %w", dir, err))
	}
	return site{name: dir, dir: abs}, nil
}

func (f *serveFlags) options() *goserver.StaticOptions {
	o := &goserver.StaticOptions{
		Index: f.index.Items, Listing: f.listing, Dotfiles: f.dotfiles, SPA: f.spa, NoSidecars: !f.sidecars,
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
	if f.recheck.D == 0 {
		o.Recheck = -1
	}
	return o
}

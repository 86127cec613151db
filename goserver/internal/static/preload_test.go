package static

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// preload makes a site and returns what it logged.
func preload(t testing.TB, dir string, o Options) (*Site, *clock, []map[string]any) {
	t.Helper()
	var logged bytes.Buffer
	o.Logger = slog.New(slog.NewJSONHandler(&logged, nil))
	s, now := site(t, dir, o)
	var lines []map[string]any
	for dec := json.NewDecoder(&logged); dec.More(); {
		var line map[string]any
		check(t, dec.Decode(&line))
		delete(line, "time")
		delete(line, "ms")
		lines = append(lines, line)
	}
	return s, now, lines
}

func TestSite_preloads(t *testing.T) {
	text := prose(2000)
	dir := tree(t, map[string]string{
		"index.html": "home", "a.js": text, "a.js.br": "<br>", "big.bin": large, "mid.css": prose(100 << 10), "mid.css.gz": "<gz>",
		"sub/deep/b.txt": "b", "sub/index.html": "sub", ".hidden/x": "x", ".secret": "x", ".well-known/y": "y", "empty.txt": "",
	})
	check(t, os.Symlink("..", filepath.Join(dir, "sub", "loop")))
	check(t, os.Symlink("a.js", filepath.Join(dir, "link.js")))
	check(t, os.Symlink("/etc/passwd", filepath.Join(dir, "out.txt")))
	s, now, logged := preload(t, dir, Options{Preload: []string{"."}, NoCompression: true})
	// index.html, a.js, a.js.br, mid.css (its sidecar), mid.css.gz, b.txt, sub/index.html, y, empty.txt, link.js
	want := map[string]any{"level": "INFO", "msg": "static preload complete", "dir": ".", "files": 10.0}
	if len(logged) != 1 || logged[0]["bytes"].(float64) < 100<<10 {
		t.Fatalf("%v", logged)
	}
	delete(logged[0], "bytes")
	if fmt.Sprint(logged[0]) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", logged[0], want)
	}
	check(t, os.RemoveAll(dir)) // what is immutable stays
	now.now += time.Hour
	for path, want := range map[string]string{
		"/": "home", "/index.html": "home", "/a.js": text, "/sub/": "sub", "/sub/deep/b.txt": "b", "/.well-known/y": "y", "/empty.txt": "", "/link.js": text,
	} {
		ask(t, s, "GET "+path).expect(t, path, 200, want)
	}
	ask(t, s, "GET /a.js", "Accept-Encoding: br").expect(t, "sidecar", 200, "<br>", "Content-Encoding: br")
	ask(t, s, "GET /mid.css", "Accept-Encoding: gzip").expect(t, "sidecar of a large file", 200, "<gz>", "Content-Encoding: gzip")
	for _, path := range []string{"/.hidden/x", "/.secret", "/big.bin", "/sub/loop/a.js", "/out.txt"} {
		ask(t, s, "GET "+path).expect(t, path, 404, "*")
	}
}

func TestSite_preloadsVariants(t *testing.T) {
	text := prose(4000)
	s, _ := site(t, tree(t, map[string]string{"sub/index.html": text, "b.js": text}), Options{})
	ask(t, s, "GET /b.js", anyCoding)
	s.options.Preload, s.options.Logger = []string{"sub"}, slog.New(slog.DiscardHandler)
	s.preload()
	if len(s.worker.asked) != 1 || len(s.worker.later) != 1 {
		t.Errorf("%d asked for, %d to make later", len(s.worker.asked), len(s.worker.later))
	}
	work(s)
	for _, path := range []string{"/sub/", "/sub/index.html", "/b.js"} {
		a := ask(t, s, "GET "+path, "Accept-Encoding: br")
		if a.header.Get("Content-Encoding") != "br" || plain(t, a) != text {
			t.Errorf("%s: %d bytes, coding %q", path, len(a.body), a.header.Get("Content-Encoding"))
		}
	}
}

func TestSite_preloadSkips(t *testing.T) {
	dir := tree(t, map[string]string{"a/x.txt": "x", "file": "f", ".dot/y": "y"})
	s, _, logged := preload(t, dir, Options{Preload: []string{"none", "file", ".dot", "../" + filepath.Base(dir), "/etc", "a/", "", "a"}})
	if len(logged) != 8 {
		t.Fatalf("%d lines: %v", len(logged), logged)
	}
	for i, line := range logged {
		if i == 7 {
			if line["msg"] != "static preload complete" || line["files"] != 1.0 || line["dir"] != "a" {
				t.Errorf("%v", line)
			}
		} else if line["msg"] != "static preload skipped" || line["level"] != "WARN" || line["reason"] == "" {
			t.Errorf("%v", line)
		}
	}
	ask(t, s, "GET /a/x.txt").expect(t, "the good one", 200, "x")
}

// The cache is filled, and nothing drives out what was loaded.
func TestSite_preloadFills(t *testing.T) {
	files := map[string]string{}
	for i := range 200 {
		files[fmt.Sprintf("%03d.bin", i)] = strings.Repeat("x", 10<<10)
	}
	for _, o := range []Options{{CacheBytes: 1 << 20, MaxCachedFile: 10 << 10}, {CacheEntries: 60}} {
		o.Preload = []string{"."}
		s, _, logged := preload(t, tree(t, files), o)
		if len(logged) != 1 || logged[0]["level"] != "WARN" || logged[0]["reason"] == nil {
			t.Errorf("%v", logged)
		}
		st, opt := s.cache.Stats(), s.cache.Options()
		if st.Evictions != 0 || st.Entries > int64(opt.MaxEntries) || st.Entries < min(55, int64(opt.MaxEntries)) {
			t.Errorf("%+v", st)
		}
		if got := logged[0]["files"].(float64); got != float64(st.Entries) {
			t.Errorf("%v files, %d entries", got, st.Entries)
		}
	}
}

// Variants of files that nobody has asked for drive nothing out.
func TestSite_preloadedVariantsFit(t *testing.T) {
	restless(t, func(t *testing.T) {
		files := map[string]string{}
		for i := range 40 {
			files[fmt.Sprintf("%02d.txt", i)] = prose(4<<10 + i)
		}
		s, _ := site(t, tree(t, files), Options{CacheBytes: 250 << 10})
		s.options.Preload, s.options.Logger = []string{"."}, slog.New(slog.DiscardHandler)
		s.preload()
		loaded := s.Stats().Entries
		work(s)
		st := s.Stats()
		if st.Entries != loaded || st.Evictions != 0 || st.Compression.Made == 0 || st.Compression.Dropped == 0 {
			t.Errorf("%+v", st)
		}
	})
}

// Patterns say which files are not looked at again.
func TestSite_immutable(t *testing.T) {
	dir := tree(t, map[string]string{"a.woff2": "old", "fonts/b.woff2": "old", "lib/c.js": "old", "lib/x/d.js": "old", "e.js": "old"})
	s, now := site(t, dir, Options{Immutable: []string{"*.woff2", "lib/*.js"}})
	names := []string{"a.woff2", "fonts/b.woff2", "lib/c.js", "lib/x/d.js", "e.js"}
	for _, name := range names {
		ask(t, s, "GET /"+name)
		replace(t, filepath.Join(dir, name), "new", past)
	}
	now.now += time.Hour
	for i, name := range names {
		want := "old"
		if i > 2 {
			want = "new"
		}
		ask(t, s, "GET /"+name).expect(t, name, 200, want)
	}
	if _, err := New("/", dir, Options{Immutable: []string{"[a"}}, stopped); err == nil {
		t.Error("a malformed pattern was taken")
	}
}

// BenchmarkPreload loads 10 000 files of 4 KiB in 100 directories.
func BenchmarkPreload(b *testing.B) {
	dir := b.TempDir()
	const files = 10_000
	text := []byte(prose(4 << 10))
	for i := range files {
		name := filepath.Join(dir, fmt.Sprint(i%100), fmt.Sprintf("%d.txt", i))
		if i < 100 {
			check(b, os.Mkdir(filepath.Dir(name), 0o755))
		}
		check(b, os.WriteFile(name, text, 0o644))
		check(b, os.Chtimes(name, past, past))
	}
	for b.Loop() {
		s, err := New("/", dir, Options{Preload: []string{"."}, NoCompression: true, Logger: slog.New(slog.DiscardHandler)}, stopped)
		check(b, err)
		if n := s.Stats().Entries; n != files {
			b.Fatalf("%d entries", n)
		}
		s.Close()
	}
	b.ReportMetric(float64(b.N*files)/b.Elapsed().Seconds(), "files/s")
}

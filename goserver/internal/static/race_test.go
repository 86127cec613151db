package static

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// versions are files that change while many read them. Each version tells
// what it is on its first line.
type versions struct {
	t       *testing.T
	dir     string
	current []atomic.Int64 // that surely is there, by file
	filler  string
}

// text is version v of file i. Every fourth file is larger than a page.
func (f *versions) text(i, v int) string {
	n := 2000 + v
	if i%4 == 3 {
		n = 70<<10 + v
	}
	return fmt.Sprintf("file %d version %d\n", i, v) + f.filler[:n]
}

func (f *versions) write(i, v int) {
	name, at := filepath.Join(f.dir, fmt.Sprintf("%d.js", i)), past.Add(time.Duration(v)*time.Second)
	switch v % 3 {
	case 0:
		os.Remove(name + ".gz")
	case 1:
		replace(f.t, name+".gz", fmt.Sprintf("file %d version %d\n", i, v), at)
	}
	replace(f.t, name, f.text(i, v), at)
	f.current[i].Store(int64(v))
}

// read asks for a file and checks that the answer is one version, whole, with a tag of its
// own. It returns the version.
func (f *versions) read(s *Site, i int, coding string, tags map[string]string) (v int) {
	a := ask(f.t, s, fmt.Sprintf("GET /%d.js", i), "Accept-Encoding: "+coding)
	text := a.body
	if c := a.header.Get("Content-Encoding"); c != "" && !strings.HasPrefix(text, "file") {
		text = plain(f.t, a)
	} // else a sidecar, which is the first line only
	var file int
	if _, err := fmt.Sscanf(text, "file %d version %d\n", &file, &v); err != nil || file != i || a.status != 200 {
		f.t.Errorf("file %d: %d %.40q", i, a.status, text)
		return -1
	}
	sidecar := a.header.Get("Content-Encoding") == "gzip" && !strings.Contains(text, "word")
	if !sidecar && text != f.text(i, v) {
		f.t.Errorf("file %d: %d bytes, not version %d", i, len(text), v)
	}
	tag := a.header.Get("ETag")
	if old, ok := tags[tag]; ok && old != a.body || tag == "" {
		f.t.Errorf("file %d: %q is the tag of two bodies", i, tag)
	}
	tags[tag] = a.body
	return v
}

// Files and sidecars change while 64 goroutines read and the worker compresses.
func TestSite_race(t *testing.T) {
	const files, last, readers, reads = 6, 10, 64, 100
	for name, o := range map[string]Options{
		"checked each time": {Recheck: -1, AdmitAfter: 1, CacheEntries: files - 1},
		"watched":           {Watch: true, AdmitAfter: 1},
	} {
		t.Run(name, func(t *testing.T) {
			f := &versions{t: t, dir: t.TempDir(), current: make([]atomic.Int64, files), filler: prose(71 << 10)}
			for i := range files {
				f.write(i, 0)
			}
			o.Logger = slog.New(slog.DiscardHandler)
			s, err := New("/", f.dir, o, new(clock).read)
			check(t, err)
			s.worker = new(worker)
			defer s.Close()
			var wg sync.WaitGroup
			var done atomic.Bool
			for r := range readers {
				wg.Go(func() {
					tags := make(map[string]string)
					for n := 0; n < reads && !done.Load(); n++ {
						i, coding := (r+n)%files, [...]string{"identity", "gzip", "br", "zstd"}[n%4]
						least := f.current[i].Load()
						if v := f.read(s, i, coding, tags); !o.Watch && coding != "gzip" && int64(v) < least {
							t.Errorf("file %d: version %d, %d was there before", i, v, least)
						}
					}
				})
			}
			for v := 1; v <= last; v++ {
				for i := range files {
					f.write(i, v)
				}
			}
			done.Store(true)
			wg.Wait()
		})
	}
}

// Of many first requests at once one reads the file into memory, and none waits for it.
func TestSite_loadsOnce(t *testing.T) {
	s, _ := site(t, tree(t, map[string]string{"a.txt": "a"}), Options{})
	if !s.loading.begin("/a.txt") {
		t.Fatal("nobody loads it")
	}
	for range 3 {
		ask(t, s, "GET /a.txt").expect(t, "while it is loaded", 200, "a")
	}
	if n := s.Stats().Entries; n != 0 {
		t.Error("it was loaded twice")
	}
	s.loading.end("/a.txt")
	ask(t, s, "GET /a.txt").expect(t, "afterwards", 200, "a")
	if st := s.Stats(); st.Entries != 1 || len(s.loading.keys) != 0 {
		t.Errorf("%+v, %d are being loaded", st, len(s.loading.keys))
	}
}

func TestSite_admits(t *testing.T) {
	dir := tree(t, map[string]string{"a.txt": "a"})
	s, err := New("/", dir, Options{}, stopped)
	check(t, err)
	defer s.Close()
	for i, entries := range []int64{0, 1, 1} {
		ask(t, s, "GET /a.txt").expect(t, "a", 200, "a")
		if st := s.Stats(); st.Entries != entries {
			t.Errorf("after %d requests: %+v", i+1, st)
		}
	}
	for _, after := range []int{-1, 16} {
		if _, err := New("/", dir, Options{AdmitAfter: after}, stopped); err == nil {
			t.Errorf("AdmitAfter %d was taken", after)
		}
	}
}

// A file that was open already is loaded as it was when it was looked at: its
// pages are due when that is.
func TestSite_admitsOpenFile(t *testing.T) {
	dir := tree(t, map[string]string{"sub/a.txt": "old", "next/a.txt": "new"})
	s, now := site(t, dir, Options{AdmitAfter: 2})
	ask(t, s, "GET /sub/a.txt").expect(t, "opened", 200, "old")
	now.now = 4 * time.Second
	check(t, os.Rename(filepath.Join(dir, "sub"), filepath.Join(dir, "gone"))) // which does not touch the file
	check(t, os.Rename(filepath.Join(dir, "next"), filepath.Join(dir, "sub")))
	ask(t, s, "GET /sub/a.txt").expect(t, "loaded", 200, "old")
	if s.Stats().Entries != 1 {
		t.Error("not loaded")
	}
	now.now = 5 * time.Second
	ask(t, s, "GET /sub/a.txt").expect(t, "due", 200, "new")
}

// A path that leads to nothing is remembered for a second, unless each request
// is to see the disk.
func TestSite_remembersMissing(t *testing.T) {
	for _, tc := range []struct {
		options Options
		want    int
	}{{Options{}, 404}, {Options{NegativeTTL: -1}, 200}, {Options{Recheck: -1}, 200}, {Options{Recheck: -1, NegativeTTL: time.Second}, 404}} {
		dir := tree(t, map[string]string{"sub/": ""})
		s, now := site(t, dir, tc.options)
		for _, path := range []string{"/a.txt", "/sub/"} {
			ask(t, s, "GET "+path).expect(t, path, 404, "*")
		}
		write(t, filepath.Join(dir, "a.txt"), "a", false)
		write(t, filepath.Join(dir, "sub/index.html"), "a", false)
		for _, path := range []string{"/a.txt", "/sub/"} {
			ask(t, s, "GET "+path).expect(t, fmt.Sprintf("%s created, %+v", path, tc.options), tc.want, "*")
		}
		now.now += time.Second
		for _, path := range []string{"/a.txt", "/sub/"} {
			ask(t, s, "GET "+path).expect(t, path+" later", 200, "a")
		}
	}
}

package static

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/pagecache"
)

// A countingTree counts what is asked of the tree below it, and what of it is still
// open. With most files open it has no descriptor left.
type countingTree struct {
	fileTree
	opens, stats, lists, open atomic.Int64
	most                      atomic.Int64 // of open; 0: any
}

func (t *countingTree) openFile(name string) (file, error) {
	t.opens.Add(1)
	if most := t.most.Load(); most > 0 && t.open.Load() >= most {
		return nil, &os.PathError{Op: "openat2", Path: name, Err: syscall.EMFILE}
	}
	f, err := t.fileTree.open(name)
	if err != nil {
		return nil, err
	}
	t.open.Add(1)
	return &countedFile{file: f, t: t}, nil
}

func (t *countingTree) stat(name string) (fileInfo, error) {
	t.stats.Add(1)
	return t.fileTree.stat(name)
}

func (t *countingTree) take() string {
	return fmt.Sprintf("%d opens, %d looks, %d lists", t.opens.Swap(0), t.stats.Swap(0), t.lists.Swap(0))
}

// treeOf makes a countingTree a fileTree.
type treeOf struct{ *countingTree }

func (t treeOf) open(name string) (file, error) { return t.openFile(name) }

type countedFile struct {
	file
	t      *countingTree
	closed atomic.Bool
}

func (f *countedFile) Close() error {
	if f.closed.Swap(true) {
		panic("closed twice: " + f.Name())
	}
	f.t.open.Add(-1)
	return f.file.Close()
}

func (f *countedFile) names(n int) ([]string, error) {
	f.t.lists.Add(1)
	return f.file.names(n)
}

func (f *countedFile) ReadAt(p []byte, off int64) (int, error) {
	if f.closed.Load() {
		panic("read after it was closed: " + f.Name())
	}
	return f.file.ReadAt(p, off)
}

func counted(s *Site) *countingTree {
	t := &countingTree{fileTree: s.tree}
	s.tree = treeOf{t}
	return t
}

// What each request asks of the file system.
func TestSite_looks(t *testing.T) {
	dir := tree(t, map[string]string{"a.html": "a", "b.html": "b", "c.html": "c", "d.html": "d", "d.html.br": "", "l.png": large, "s.png": "s", "l.html": large, "l.html.br": large[1:], "index.html": large})
	s, now := site(t, dir, Options{NoCompression: true, AdmitAfter: 3})
	n := counted(s)
	for _, tc := range []struct {
		path, want string
	}{
		{"/a.html", "1 opens, 3 looks, 0 lists"}, // the first in the directory: each sidecar is looked for
		{"/b.html", "2 opens, 0 looks, 1 lists"}, // the second: the directory is read
		{"/c.html", "1 opens, 0 looks, 0 lists"},
		{"/c.html", "0 opens, 0 looks, 0 lists"},
		{"/d.html", "1 opens, 1 looks, 0 lists"},
		{"/s.png", "1 opens, 0 looks, 0 lists"},
		{"/l.png", "1 opens, 0 looks, 0 lists"},
		{"/l.png", "0 opens, 0 looks, 0 lists"},
		{"/l.html", "1 opens, 1 looks, 0 lists"},
		{"/l.html", "0 opens, 0 looks, 0 lists"},
		{"/", "2 opens, 0 looks, 0 lists"},
		{"/", "0 opens, 0 looks, 0 lists"},
	} {
		ask(t, s, "GET "+tc.path).expect(t, tc.path, 200, "*")
		if got := n.take(); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.path, got, tc.want)
		}
	}
	ask(t, s, "GET /l.html", "Accept-Encoding: br").expect(t, "its sidecar", 200, large[1:])
	ask(t, s, "GET /l.html", "Accept-Encoding: br").expect(t, "its sidecar", 200, large[1:])
	if got := n.take(); got != "1 opens, 0 looks, 0 lists" {
		t.Errorf("a sidecar twice: %s", got)
	}
	now.now += 5 * time.Second
	ask(t, s, "GET /l.png").expect(t, "recheck", 200, large)
	ask(t, s, "GET /l.png").expect(t, "recheck", 200, large)
	if got := n.take(); got != "1 opens, 0 looks, 0 lists" {
		t.Errorf("a recheck: %s", got)
	}
	if got := s.Stats().Files.Open; got < n.open.Load() {
		t.Errorf("%d are open, %d are accounted for", n.open.Load(), got)
	}
	if st := s.Stats().Files; st.Hits == 0 || st.Misses == 0 || st.Evictions != 0 {
		t.Errorf("%+v", st)
	}
	s.files.sweep(now.now + idleOpenFile)
	if got := n.open.Load(); got != 0 {
		t.Errorf("%d files are open that nobody asked for", got)
	}
}

// Of files that are kept open, changes show at the recheck; who is reading one gets it whole.
func TestSite_openFileChanges(t *testing.T) {
	dir := tree(t, map[string]string{"a.bin": large})
	name := filepath.Join(dir, "a.bin")
	s, now := site(t, dir, Options{})
	n := counted(s)
	other := strings.ToUpper(large)
	for _, tc := range []struct {
		what   string
		change func()
		status int
		body   string
	}{
		{"nothing", func() {}, 200, large},
		{"replaced", func() { replace(t, name, other, past) }, 200, other},
		{"renamed", func() { check(t, os.Rename(name, name+".old")) }, 404, "*"},
		{"back", func() { check(t, os.Rename(name+".old", name)) }, 200, other},
		{"a directory", func() { check(t, os.Remove(name)); check(t, os.Mkdir(name, 0o755)) }, 301, "*"},
		{"a link", func() {
			check(t, os.Remove(name))
			check(t, os.Symlink("b.bin", name))
			replace(t, filepath.Join(dir, "b.bin"), large, past)
		}, 200, large},
		{"a link to the outside", func() { check(t, os.Remove(name)); check(t, os.Symlink("/etc/passwd", name)) }, 404, "*"},
	} {
		before := ask(t, s, "GET /a.bin")
		slow := begin(t, s, "GET /a.bin")
		tc.change()
		if before.status == 200 {
			ask(t, s, "GET /a.bin").expect(t, tc.what+", before the recheck", 200, before.body)
		}
		now.now += 5 * time.Second
		ask(t, s, "GET /a.bin").expect(t, tc.what, tc.status, tc.body)
		if got := slow(); before.status == 200 && got.body != before.body {
			t.Errorf("%s: who was reading got %d bytes, of another file", tc.what, len(got.body))
		}
	}
	s.files.close()
	if got := n.open.Load(); got != 0 {
		t.Errorf("%d files are open after all", got)
	}
}

// begin describes the response to a request; the returned function reads it.
func begin(t testing.TB, s *Site, request string, lines ...string) func() *answer {
	c := new(direct.Ctx)
	fill(c, request, lines...)
	s.Serve(c)
	return func() *answer {
		_, resp := direct.Describe(c)
		a := read(t, resp)
		for _, cl := range resp.Closers {
			check(t, cl.Close())
		}
		return a
	}
}

func fill(c *direct.Ctx, request string, lines ...string) {
	req, _ := direct.Describe(c)
	method, path, _ := strings.Cut(request, " ")
	req.Method, req.Path = method, []byte(path)
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		req.Fields = append(req.Fields, direct.Field{Name: []byte(name), Value: []byte(value)})
	}
}

// A process without a descriptor to spare takes those of files that nobody is reading.
func TestSite_descriptorsGivenBack(t *testing.T) {
	files := map[string]string{}
	for i := range 6 {
		files[fmt.Sprintf("%d.bin", i)] = large
	}
	s, _ := site(t, tree(t, files), Options{})
	n := counted(s)
	n.most.Store(3)
	slow := begin(t, s, "GET /0.bin")
	for i := range 6 {
		path := fmt.Sprintf("/%d.bin", i)
		ask(t, s, "GET "+path).expect(t, path, 200, large)
	}
	slow().expect(t, "the slow one", 200, large)
	n.most.Store(1)
	again := begin(t, s, "GET /1.bin")
	ask(t, s, "GET /2.bin").expect(t, "none is left", 503, "*", "Retry-After: 1")
	again().expect(t, "the one that has it", 200, large)
}

// A replaced file whose recheck finds no descriptor left is sent as it was.
func TestSite_recheckWithoutDescriptor(t *testing.T) {
	s, now := site(t, tree(t, map[string]string{"a.bin": large}), Options{})
	n := counted(s)
	slow := begin(t, s, "GET /a.bin")
	n.most.Store(1)
	now.now += time.Hour
	ask(t, s, "GET /a.bin").expect(t, "recheck", 200, large)
	slow().expect(t, "the first", 200, large)
}

func TestSite_openFilesOption(t *testing.T) {
	dir := tree(t, map[string]string{"a.bin": large, "b.bin": large, "c.bin": large})
	for _, tc := range []struct{ option, kept int }{{-1, 0}, {1, 1}, {2, 2}, {0, 3}} {
		s, _ := site(t, dir, Options{OpenFiles: tc.option})
		n := counted(s)
		for _, path := range []string{"/a.bin", "/b.bin", "/c.bin"} {
			for range 2 {
				ask(t, s, "GET "+path).expect(t, path, 200, large)
				ask(t, s, "GET "+path, "Range: bytes=-5").expect(t, path, 206, large[len(large)-5:])
				ask(t, s, "HEAD "+path).expect(t, path, 200, "")
				ask(t, s, "GET "+path, "If-None-Match: *").expect(t, path, 304, "", "Content-Type:")
			}
		}
		if got := int(n.open.Load()); got != tc.kept || int(s.Stats().Files.Open) != tc.kept {
			t.Errorf("OpenFiles %d: %d are open, %d are accounted for, want %d", tc.option, got, s.Stats().Files.Open, tc.kept)
		}
	}
	_, err := New("/", dir, Options{OpenFiles: 1 << 30}, stopped)
	if wrong := (*OptionError)(nil); !errors.As(err, &wrong) || wrong.Option != "OpenFiles" {
		t.Errorf("OpenFiles 2^30: %v", err)
	}
}

// After Close nothing is kept, and what is being sent is sent.
func TestSite_closeWhileSending(t *testing.T) {
	dir := tree(t, map[string]string{"a.bin": large, "b.bin": large})
	s, err := New("/", dir, Options{}, stopped)
	check(t, err)
	n := counted(s)
	slow := begin(t, s, "GET /a.bin")
	ask(t, s, "GET /b.bin").expect(t, "b", 200, large)
	check(t, s.Close())
	if got := n.open.Load(); got != 1 {
		t.Errorf("%d files are open, want that one which is being sent", got)
	}
	slow().expect(t, "the slow one", 200, large)
	if got := n.open.Load(); got != 0 {
		t.Errorf("%d files are open", got)
	}
	ask(t, s, "GET /b.bin").expect(t, "closed", 503, "*")
}

// A mistake in a function of the options costs no descriptor.
func TestSite_panicClosesFiles(t *testing.T) {
	dir := tree(t, map[string]string{"s.bin": "s", "l.bin": large})
	for _, path := range []string{"/s.bin", "/l.bin"} {
		s, _ := site(t, dir, Options{AdmitAfter: 1, OpenFiles: -1, CacheControl: func(string) string { panic("a mistake") }})
		n := counted(s)
		var c direct.Ctx
		fill(&c, "GET "+path)
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", path)
				}
			}()
			s.Serve(&c)
		}()
		_, resp := direct.Describe(&c)
		for _, cl := range resp.Closers { // as the engine does
			cl.Close()
		}
		if got := n.open.Load(); got != 0 {
			t.Errorf("%s: %d files are open", path, got)
		}
	}
}

// A file that changed a moment ago is not kept: its next change might not show.
func TestSite_unsettledIsNotKept(t *testing.T) {
	dir := tree(t, map[string]string{"a.bin": large})
	s, _ := site(t, dir, Options{})
	n := counted(s)
	f := s.find("/a.bin")
	f.stamps[pagecache.Identity].Time = time.Now().UnixNano()
	check(t, s.hold(&f).Close())
	if got := n.open.Load(); got != 0 {
		t.Errorf("%d files are open", got)
	}
}

// Files are replaced and evicted while slow readers are at them.
func TestSite_openFilesConcurrently(t *testing.T) {
	const files, readers, rounds = 12, 8, 60
	content := func(i, version int) string {
		return fmt.Sprintf("%d.%d:", i, version) + strings.Repeat(string(rune('a'+version%26)), 70<<10)
	}
	names := map[string]string{}
	for i := range files {
		names[fmt.Sprintf("%d.bin", i)] = content(i, 0)
	}
	dir := tree(t, names)
	var clock atomic.Int64
	s, err := New("/", dir, Options{OpenFiles: 4}, func() time.Duration { return time.Duration(clock.Load()) })
	check(t, err)
	n := counted(s)
	stop := make(chan struct{})
	var writer, wg sync.WaitGroup
	writer.Go(func() {
		for version := 1; ; version++ {
			select {
			case <-stop:
				return
			default:
			}
			i := rand.IntN(files)
			name := filepath.Join(dir, fmt.Sprintf("%d.bin", i))
			if err := errors.Join(os.WriteFile(name+".new", []byte(content(i, version)), 0o644), os.Chtimes(name+".new", past, past), os.Rename(name+".new", name)); err != nil {
				t.Error(err)
				return
			}
			clock.Add(int64(time.Second))
			if version%50 == 0 {
				s.files.sweep(time.Duration(clock.Load()))
				s.files.shed()
			}
		}
	})
	for range readers {
		wg.Go(func() {
			for range rounds {
				i := rand.IntN(files)
				if body, err := slowly(s, fmt.Sprintf("/%d.bin", i)); err != nil || !strings.HasPrefix(body, fmt.Sprint(i, ".")) || !whole(body) {
					t.Errorf("%d.bin: %.20q of %d bytes: %v", i, body, len(body), err)
				}
			}
		})
	}
	wg.Wait()
	close(stop)
	writer.Wait()
	check(t, s.Close())
	if got := n.open.Load(); got != 0 {
		t.Errorf("%d files are open", got)
	}
}

// slowly reads a response in small pieces.
func slowly(s *Site, path string) (string, error) {
	var c direct.Ctx
	fill(&c, "GET "+path)
	s.Serve(&c)
	_, resp := direct.Describe(&c)
	var b bytes.Buffer
	for i := range resp.Segments {
		g := &resp.Segments[i]
		r := io.NewSectionReader(g.File, g.Off, g.N)
		if _, err := io.CopyBuffer(struct{ io.Writer }{&b}, struct{ io.Reader }{r}, make([]byte, 4<<10)); err != nil {
			return b.String(), err
		}
	}
	for _, cl := range resp.Closers {
		cl.Close()
	}
	return b.String(), nil
}

// whole reports whether a body is all of one version.
func whole(body string) bool {
	_, rest, _ := strings.Cut(body, ":")
	return len(rest) == 70<<10 && strings.Count(rest, rest[:1]) == len(rest)
}

// A response from a file that is kept open allocates nothing, whatever is asked for but ranges.
func TestSite_openFileAllocates(t *testing.T) {
	s, _ := site(t, tree(t, map[string]string{"l.bin": large}), Options{})
	tag := ask(t, s, "GET /l.bin").header.Get("ETag")
	for _, lines := range [][]string{nil, browser, {"If-None-Match: " + tag}} {
		run := request(s, "/l.bin", lines...)
		if n := testing.AllocsPerRun(100, func() {
			for _, c := range run().Closers {
				c.Close()
			}
		}); n != 0 {
			t.Errorf("%v: %v allocations", lines, n)
		}
	}
}

func BenchmarkSite_uncached(b *testing.B) {
	dir := tree(b, map[string]string{"1k.bin": strings.Repeat("a", 1<<10), "1m.bin": strings.Repeat("a", 1<<20), "1k.html": strings.Repeat("a", 1<<10)})
	for _, bm := range []struct {
		name, path string
		o          Options
	}{
		{"1k", "/1k.bin", Options{MaxCachedFile: -1, OpenFiles: -1}},
		{"1k-open", "/1k.bin", Options{MaxCachedFile: -1}},
		{"1k-html", "/1k.html", Options{MaxCachedFile: -1, OpenFiles: -1}},
		{"1m", "/1m.bin", Options{OpenFiles: -1}},
		{"1m-open", "/1m.bin", Options{}},
	} {
		s, _ := site(b, dir, bm.o)
		run := request(s, bm.path)
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for _, c := range run().Closers {
					c.Close()
				}
			}
		})
	}
}

// A file that has got into the page cache is not kept open as well.
func TestSite_cachedIsNotOpen(t *testing.T) {
	s, _ := site(t, tree(t, map[string]string{"s.bin": "s"}), Options{AdmitAfter: 2})
	n := counted(s)
	for i, want := range []int64{1, 0, 0} {
		ask(t, s, "GET /s.bin").expect(t, "s", 200, "s")
		if got := n.open.Load(); got != want {
			t.Errorf("after request %d: %d files are open, want %d", i+1, got, want)
		}
	}
}

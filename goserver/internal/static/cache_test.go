package static

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/direct"
)

// replace puts a file in the place of another, as one that is new.
func replace(t testing.TB, name, content string, modified time.Time) {
	t.Helper()
	check(t, os.WriteFile(name+".new", []byte(content), 0o644))
	check(t, os.Chtimes(name+".new", modified, modified))
	check(t, os.Rename(name+".new", name))
}

func TestSite_notices(t *testing.T) {
	dir := tree(t, map[string]string{"a.js": "aaaaaaaaaa"})
	name := filepath.Join(dir, "a.js")
	s, now := site(t, dir, Options{NoCompression: true})
	expect := func(what, body, vary string) {
		t.Helper()
		ask(t, s, "GET /a.js", "Accept-Encoding: gzip").expect(t, what, 200, body, "Vary: "+vary)
	}
	expect("at first", "aaaaaaaaaa", "")
	for _, step := range []struct {
		what, body, vary string
		change           func()
	}{
		{"replaced by one of the same size and time", "bbbbbbbbbb", "", func() { replace(t, name, "bbbbbbbbbb", past) }},
		{"written in place", "cccccccccc", "", func() {
			check(t, os.WriteFile(name, []byte("cccccccccc"), 0o644))
			check(t, os.Chtimes(name, past, past.Add(time.Nanosecond)))
		}},
		{"grown", "dddddddddddd", "", func() { replace(t, name, "dddddddddddd", past) }},
		{"a sidecar comes", "<gz>", "Accept-Encoding", func() { write(t, name+".gz", "<gz>", false) }},
		{"the sidecar changes", "<GZ>", "Accept-Encoding", func() { replace(t, name+".gz", "<GZ>", past) }},
		{"the file becomes newer than the sidecar", "eeeeeeeeee", "", func() { replace(t, name, "eeeeeeeeee", past.Add(time.Minute)) }},
		{"the sidecar is made again", "<gz2>", "Accept-Encoding", func() { replace(t, name+".gz", "<gz2>", past.Add(time.Minute)) }},
		{"the sidecar goes", "eeeeeeeeee", "", func() { check(t, os.Remove(name+".gz")) }},
		{"too large for the cache", large, "", func() { replace(t, name, large, past) }},
		{"small again", "ffff", "", func() { replace(t, name, "ffff", past) }},
	} {
		before := ask(t, s, "GET /a.js", "Accept-Encoding: gzip").body
		step.change()
		now.now += 5*time.Second - 1
		expect(step.what+", but not asked for yet", before, ask(t, s, "GET /a.js").header.Get("Vary"))
		now.now++
		expect(step.what, step.body, step.vary)
		expect(step.what+", again", step.body, step.vary)
	}
	check(t, os.Remove(name))
	now.now += 5 * time.Second
	ask(t, s, "GET /a.js").expect(t, "gone", 404, "*")
	if st := s.Stats(); st.Entries != 0 || st.Stale == 0 {
		t.Errorf("%+v", st)
	}
	write(t, name, "back", false)
	now.now += time.Second - 1
	ask(t, s, "GET /a.js").expect(t, "back, but known to be missing", 404, "*")
	now.now++
	expect("back", "back", "")
	check(t, os.Remove(name))
	check(t, os.Mkdir(name, 0o755))
	now.now += 5 * time.Second
	ask(t, s, "GET /a.js").expect(t, "a directory now", 301, "", "Location: /a.js/")
}

func TestSite_indexChanges(t *testing.T) {
	dir := tree(t, map[string]string{"b.html": "b"})
	s, now := site(t, dir, Options{Index: []string{"a.html", "b.html"}, Recheck: time.Second})
	ask(t, s, "GET /").expect(t, "the second", 200, "b")
	write(t, filepath.Join(dir, "a.html"), "a", false)
	now.now += time.Second
	ask(t, s, "GET /").expect(t, "a better one came", 200, "a")
}

func TestSite_recheckEachTime(t *testing.T) {
	dir := tree(t, map[string]string{"a.txt": "a"})
	s, _ := site(t, dir, Options{Recheck: -1})
	ask(t, s, "GET /a.txt").expect(t, "a", 200, "a")
	replace(t, filepath.Join(dir, "a.txt"), "b", past)
	ask(t, s, "GET /a.txt").expect(t, "b", 200, "b")
}

// A file that was changed a moment ago may change again without that its time does.
func TestSite_doesNotKeepWhatJustChanged(t *testing.T) {
	dir := tree(t, map[string]string{"a.txt": "a"})
	s, _ := site(t, dir, Options{NoCompression: true})
	target := s.find("/a.txt")
	defer target.close()
	for _, tc := range []struct {
		age  time.Duration
		want bool
	}{{0, false}, {settling / 2, false}, {time.Hour, true}, {-time.Hour, true}} {
		target.stamps[0].Time = time.Now().Add(-tc.age).UnixNano()
		if got := target.settled(); got != tc.want {
			t.Errorf("changed %v ago: %v", tc.age, got)
		}
	}
	soon := time.Now().Add(time.Minute)
	check(t, os.Chtimes(filepath.Join(dir, "a.txt"), soon, soon))
	for range 2 {
		ask(t, s, "GET /a.txt").expect(t, "of the future", 200, "a")
	}
	if n := s.Stats().Entries; n != 1 {
		t.Errorf("%d entries", n)
	}
}

// Files change while many read: each response is one version, whole, with the tag
// and length of that version, in the right coding.
func TestSite_concurrent(t *testing.T) {
	const files, versions, readers = 4, 60, 16
	dir := t.TempDir()
	name := func(i int) string { return filepath.Join(dir, fmt.Sprintf("%d.txt", i)) }
	version := func(i, v int) string { return strings.Repeat(fmt.Sprintf("file %d version %04d\n", i, v), 50+v) }
	for i := range files {
		replace(t, name(i), version(i, 0), past)
	}
	s, err := New("/", dir, Options{CacheEntries: files - 1, AdmitAfter: 1, Recheck: -1, NoCompression: true}, new(clock).read)
	check(t, err)
	defer s.Close()
	var wg sync.WaitGroup
	done := make(chan struct{})
	for r := range readers {
		wg.Go(func() {
			tags := make(map[string]string)
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				i := (r + n) % files
				a := ask(t, s, fmt.Sprintf("GET /%d.txt", i), "Accept-Encoding: br")
				if a.status != 200 {
					t.Errorf("%d", a.status)
					return
				}
				text, coded := strings.CutPrefix(a.body, "br:")
				line, _, _ := strings.Cut(text, "\n")
				var gotFile, v int
				if _, err := fmt.Sscanf(line, "file %d version %d", &gotFile, &v); err != nil || gotFile != i {
					t.Errorf("file %d: %q", i, line)
					return
				}
				if !coded && text != version(i, v) || coded != (a.header.Get("Content-Encoding") == "br") {
					t.Errorf("file %d: %d bytes, not version %d, coding %q", i, len(text), v, a.header.Get("Content-Encoding"))
				}
				tag := a.header.Get("ETag")
				if old, ok := tags[tag]; ok && old != a.body {
					t.Errorf("%s is the tag of two bodies", tag)
				}
				tags[tag] = a.body
			}
		})
	}
	for v := 1; v < versions; v++ {
		for i := range files {
			replace(t, name(i), version(i, v), past.Add(time.Duration(v)*time.Second))
			switch v % 3 {
			case 0:
				replace(t, name(i)+".br", fmt.Sprintf("br:file %d version %04d\n", i, v), past.Add(time.Duration(v)*time.Second))
			case 1:
				os.Remove(name(i) + ".br")
			}
		}
	}
	close(done)
	wg.Wait()
}

// request makes a Ctx that asks for a path and runs s on it again and again.
func request(s *Site, path string, lines ...string) (run func() *direct.Response) {
	c := new(direct.Ctx)
	req, resp := direct.Describe(c)
	var fields []direct.Field
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		fields = append(fields, direct.Field{Name: []byte(name), Value: []byte(value)})
	}
	p := []byte(path)
	return func() *direct.Response {
		direct.Reset(c, 1<<20)
		req.Method, req.Path, req.Fields = "GET", p, fields
		s.Serve(c)
		return resp
	}
}

// browser is what a browser sends.
var browser = []string{
	"Host: localhost:9292", "User-Agent: Mozilla/5.0 (X11; Linux x86_64)", "Accept: text/html,application/xhtml+xml,*/*;q=0.8",
	"Accept-Language: en-GB,en;q=0.5", "Accept-Encoding: gzip, deflate, br, zstd", "Connection: keep-alive", "Sec-Fetch-Mode: navigate",
}

func TestSite_allocs(t *testing.T) {
	dir := tree(t, map[string]string{"index.html": "home", "a.js": strings.Repeat("a", 1000), "a.js.br": "br"})
	s, _ := site(t, dir, Options{})
	tag := ask(t, s, "GET /a.js", browser...).header.Get("ETag")
	for name, run := range map[string]func() *direct.Response{
		"plain":       request(s, "/a.js"),
		"browser":     request(s, "/a.js", browser...),
		"directory":   request(s, "/", browser...),
		"conditional": request(s, "/a.js", append([]string{"If-None-Match: " + tag}, browser...)...),
	} {
		want := 200
		if name == "conditional" {
			want = 304
		}
		if p := run().Page; p == nil || p.Status() != want {
			t.Errorf("%s: no page of %d", name, want)
		}
		if n := testing.AllocsPerRun(100, func() { run() }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkSite(b *testing.B) {
	dir := tree(b, map[string]string{"index.html": "home", "1k.js": strings.Repeat("a", 1<<10), "1k.js.br": "br", "large": large})
	s, _ := site(b, dir, Options{})
	tag := ask(b, s, "GET /1k.js").header.Get("ETag")
	for _, bm := range []struct {
		name string
		run  func() *direct.Response
	}{
		{"cached", request(s, "/1k.js")},
		{"cached-browser", request(s, "/1k.js", browser...)},
		{"304", request(s, "/1k.js", "If-None-Match: "+tag)},
		{"range", request(s, "/1k.js", "Range: bytes=0-99")},
		{"large", request(s, "/large")},
		{"404", request(s, "/none")},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for _, c := range bm.run().Closers {
					c.Close()
				}
			}
		})
	}
}

func TestReadWhole(t *testing.T) {
	dir := tree(t, map[string]string{"a": "aaaa"})
	opened, err := os.Open(filepath.Join(dir, "a"))
	check(t, err)
	f := rootFile{opened}
	defer f.Close()
	info, err := f.stat()
	check(t, err)
	body := make([]byte, 4)
	if err := readWhole(f, info.stamp, body); err != nil || string(body) != "aaaa" {
		t.Errorf("%q %v", body, err)
	}
	check(t, os.Truncate(filepath.Join(dir, "a"), 2))
	if readWhole(f, info.stamp, body) == nil {
		t.Error("a file that shrank was read")
	}
	check(t, os.WriteFile(filepath.Join(dir, "a"), []byte("bbbbbb"), 0o644))
	if err := readWhole(f, info.stamp, body); err != errChanged {
		t.Errorf("a file that grew was read: %v", err)
	}
}

package static

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/hyperion-server/hyperion/pagecache"
)

// prose is text of n bytes that is worth compressing.
func prose(n int) string {
	r, b := rand.New(rand.NewPCG(1, 2)), make([]byte, 0, n+10)
	for len(b) < n {
		b = fmt.Appendf(b, "word%d ", r.IntN(500))
	}
	return string(b[:n])
}

// noise is n bytes that cannot be compressed.
func noise(n int) string {
	r, b := rand.New(rand.NewPCG(1, 2)), make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return string(b)
}

// plain returns the content of a response without its coding.
func plain(t testing.TB, a *answer) string {
	t.Helper()
	var r io.Reader = strings.NewReader(a.body)
	switch coding := a.header.Get("Content-Encoding"); coding {
	case "":
	case "gzip":
		z, err := gzip.NewReader(r)
		check(t, err)
		r = z
	case "br":
		r = brotli.NewReader(r)
	case "zstd":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20)) // RFC 9659
		check(t, err)
		defer z.Close()
		r = z
	default:
		t.Errorf("coding %q", coding)
	}
	b, err := io.ReadAll(r)
	check(t, err)
	return string(b)
}

var codings = []string{"gzip", "br", "zstd"}

// anyCoding is what clients say for whom variants are made, and is answered with the file itself.
const anyCoding = "Accept-Encoding: identity"

// restless runs a test in which the worker's rests take no time. The clock of such
// a test starts in 2000, and is put behind the time of the files first.
func restless(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(past) + time.Hour)
		test(t)
	})
}

func TestSite_compresses(t *testing.T) { restless(t, testCompresses) }

func testCompresses(t *testing.T) {
	text := prose(20 << 10)
	s, _ := site(t, tree(t, map[string]string{"a.js": text, "app.html": text}), Options{SPA: "app.html"})
	for _, path := range []string{"/a.js", "/app/users"} {
		first := ask(t, s, "GET "+path, "Accept-Encoding: br")
		if vary := first.header.Get("Vary"); !strings.HasPrefix(vary, "Accept-Encoding") || first.body != text {
			t.Errorf("%s: at first %d bytes, Vary: %q; want the file, and Accept-Encoding", path, len(first.body), vary)
		}
		work(s)
		tags := map[string]bool{first.header.Get("ETag"): true}
		for _, coding := range codings {
			a := ask(t, s, "GET "+path, "Accept-Encoding: "+coding)
			a.expect(t, path+" "+coding, 200, "*", "Content-Encoding: "+coding, "Vary: "+first.header.Get("Vary"), "Last-Modified: "+pastText,
				"Content-Type: "+first.header.Get("Content-Type"))
			if len(a.body) > len(text)/2 || plain(t, a) != text {
				t.Errorf("%s %s: %d bytes are not the file", path, coding, len(a.body))
			}
			tag := a.header.Get("ETag")
			if tags[tag] || tag == "" || strings.HasPrefix(tag, "W/") {
				t.Errorf("%s %s: ETag %q", path, coding, tag)
			}
			tags[tag] = true
			ask(t, s, "GET "+path, "Accept-Encoding: "+coding, "If-None-Match: "+tag).expect(t, coding+" again", 304, "", "ETag: "+tag)
			ask(t, s, "GET "+path, "Accept-Encoding: "+coding, "Range: bytes=0-9").expect(t, coding+" range", 206, a.body[:10])
		}
		ask(t, s, "GET "+path).expect(t, path+" plain", 200, text, "Content-Encoding:")
	}
	c := s.Stats().Compression
	if c.Made != 6 || c.Saved < 60<<10 || c.CPU <= 0 || c.Skipped+c.Failed+c.Dropped != 0 {
		t.Errorf("%+v", c)
	}
	if p := s.Stats().Pages; p != [pagecache.Codings]int64{2, 2, 2, 2} {
		t.Errorf("pages %v", p)
	}
}

// The variants of a file that is too large for the cache may not be.
func TestSite_compressesLarge(t *testing.T) { restless(t, testCompressesLarge) }

func testCompressesLarge(t *testing.T) {
	text := prose(100 << 10)
	dir := tree(t, map[string]string{"a.js": text})
	s, now := site(t, dir, Options{AdmitAfter: 2})
	ask(t, s, "GET /a.js", "Accept-Encoding: br").expect(t, "first", 200, text, "Vary: Accept-Encoding")
	if work(s); s.Stats().Compression.Made != 0 {
		t.Error("variants were made for a file that was asked for once")
	}
	ask(t, s, "GET /a.js", "Accept-Encoding: br").expect(t, "second", 200, text)
	work(s)
	expect := func(want string) {
		t.Helper()
		for _, coding := range codings {
			a := ask(t, s, "GET /a.js", "Accept-Encoding: "+coding)
			if a.header.Get("Content-Encoding") != coding || plain(t, a) != want {
				t.Errorf("%s: %d bytes in coding %q", coding, len(a.body), a.header.Get("Content-Encoding"))
			}
		}
		ask(t, s, "GET /a.js").expect(t, "plain", 200, want, "Content-Encoding:")
		ask(t, s, "GET /a.js", "Range: bytes=99990-99999").expect(t, "range", 206, want[99990:100000])
	}
	expect(text)
	if p := request(s, "/a.js", "Accept-Encoding: br")().Page; p == nil {
		t.Error("the variant does not come from the cache")
	}
	if st := s.Stats(); st.Pages != [pagecache.Codings]int64{0, 1, 1, 1} || st.Entries != 1 {
		t.Errorf("%+v", st)
	}
	now.now += 5 * time.Second
	expect(text) // checked, and as it was
	if n := s.Stats().Compression.Made; n != 3 {
		t.Errorf("%d variants were made", n)
	}
	changed := "new " + text
	replace(t, filepath.Join(dir, "a.js"), changed, past)
	now.now += 5 * time.Second
	ask(t, s, "GET /a.js", "Accept-Encoding: br").expect(t, "changed", 200, changed)
	work(s)
	expect(changed)
	check(t, os.Remove(filepath.Join(dir, "a.js")))
	now.now += 5 * time.Second
	for _, coding := range codings {
		ask(t, s, "GET /a.js", "Accept-Encoding: "+coding).expect(t, "gone", 404, "*")
	}
}

func TestSite_compressesNot(t *testing.T) { restless(t, testCompressesNot) }

func testCompressesNot(t *testing.T) {
	text := prose(4 << 10)
	dir := tree(t, map[string]string{
		"small.js": text[:minCompressed-1], "huge.js": prose(maxCompressed + 1), "p.png": text, "x.bin": text, "noise.js": noise(4 << 10),
		"a.js": text, "a.js.gz": "<gz>", "full.js": text, "full.js.gz": "<gz>", "full.js.br": "<br>", "full.js.zst": "<zst>",
	})
	for _, tc := range []struct {
		path          string
		options       Options
		made, skipped int64
		vary          string
	}{
		{"/small.js", Options{}, 0, 0, ""},
		{"/huge.js", Options{}, 0, 0, ""},
		{"/p.png", Options{}, 0, 0, ""},
		{"/x.bin", Options{}, 0, 0, ""},
		{"/noise.js", Options{}, 0, 3, "Accept-Encoding"},
		{"/a.js", Options{}, 2, 0, "Accept-Encoding"},
		{"/full.js", Options{}, 0, 0, "Accept-Encoding"},
		{"/full.js", Options{NoSidecars: true}, 3, 0, "Accept-Encoding"},
		{"/full.js", Options{NoSidecars: true, NoCompression: true}, 0, 0, ""},
		{"/full.js", Options{NoSidecars: true, MaxCachedFile: -1}, 0, 0, ""},
	} {
		s, now := site(t, dir, tc.options)
		for range 3 { // what was of no use is not tried again
			ask(t, s, "GET "+tc.path, anyCoding).expect(t, tc.path, 200, "*", "Vary: "+tc.vary)
			work(s)
			now.now += 5 * time.Second
		}
		if c := s.Stats().Compression; c.Made != tc.made || c.Skipped != tc.skipped || c.Failed != 0 {
			t.Errorf("%s %+v: %+v", tc.path, tc.options, c)
		}
		if tc.path == "/a.js" {
			ask(t, s, "GET /a.js", "Accept-Encoding: gzip").expect(t, "the sidecar", 200, "<gz>")
		}
	}
}

// What changes between a request and the work never gets the variants of the old file.
func TestSite_compressesWhatIsThere(t *testing.T) { restless(t, testCompressesWhatIsThere) }

func testCompressesWhatIsThere(t *testing.T) {
	dir := tree(t, map[string]string{"a.js": prose(4 << 10)})
	name, next := filepath.Join(dir, "a.js"), "next "+prose(4<<10)
	s, now := site(t, dir, Options{})
	ask(t, s, "GET /a.js", anyCoding)
	replace(t, name, next, past)
	work(s)
	if c := s.Stats().Compression; c.Made != 0 || c.Failed != 1 {
		t.Errorf("replaced: %+v", c)
	}
	now.now += 5 * time.Second
	ask(t, s, "GET /a.js", anyCoding).expect(t, "replaced", 200, next)
	work(s)
	if a := ask(t, s, "GET /a.js", "Accept-Encoding: br"); plain(t, a) != next || a.header.Get("Content-Encoding") != "br" {
		t.Error("not the new file's variant")
	}
	write(t, name+".br", "<br>", false)
	now.now += 5 * time.Second
	ask(t, s, "GET /a.js", "Accept-Encoding: br").expect(t, "a sidecar came", 200, "<br>")
	work(s)
	check(t, os.Remove(name+".br"))
	now.now += 5 * time.Second
	if a := ask(t, s, "GET /a.js", "Accept-Encoding: br"); plain(t, a) != next {
		t.Errorf("the sidecar went: %q", a.body)
	}
	work(s)
	ask(t, s, "GET /a.js", "Accept-Encoding: br").expect(t, "made again", 200, "*", "Content-Encoding: br")
	ask(t, s, "GET /a.js", anyCoding)
	s.cache.Clear()
	made := s.Stats().Compression.Made
	ask(t, s, "GET /a.js", anyCoding)
	s.cache.Clear()
	if work(s); s.Stats().Compression.Made != made || s.Stats().Entries != 0 {
		t.Error("an entry that was purged came back")
	}
}

func TestWorker_full(t *testing.T) {
	s, now := site(t, tree(t, map[string]string{"a.js": prose(4 << 10)}), Options{})
	s.worker.ids = make(map[jobID]struct{})
	for i := range maxJobs {
		s.worker.ids[jobID{nil, fmt.Sprint(i)}] = struct{}{}
	}
	ask(t, s, "GET /a.js", anyCoding)
	if c := s.Stats().Compression; c.Dropped != 1 {
		t.Errorf("%+v", c)
	}
	s.worker.ids = nil
	now.now += 5 * time.Second
	ask(t, s, "GET /a.js", anyCoding)
	if work(s); s.Stats().Compression.Made != 3 {
		t.Error("what was dropped is not asked for again")
	}
}

func TestWorker_panic(t *testing.T) {
	var logged bytes.Buffer
	bad := false
	s, now := site(t, tree(t, map[string]string{"a.js": prose(4 << 10), "b.js": prose(4 << 10)}), Options{
		Logger: slog.New(slog.NewTextHandler(&logged, nil)),
		CacheControl: func(string) string {
			if bad {
				return "a\nb"
			}
			return ""
		},
	})
	ask(t, s, "GET /a.js", anyCoding)
	bad = true
	work(s)
	bad = false
	if c := s.Stats().Compression; c.Failed != 1 || c.Made != 0 || !strings.Contains(logged.String(), "path=/a.js") {
		t.Errorf("%+v, logged %s", c, &logged)
	}
	now.now += 5 * time.Second
	ask(t, s, "GET /a.js", anyCoding)
	ask(t, s, "GET /b.js", anyCoding)
	if work(s); s.Stats().Compression.Made != 3 {
		t.Errorf("%+v, want the variants of b.js only", s.Stats().Compression)
	}
}

// The worker rests three times as long as it has worked.
func TestWorker_rests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		files := map[string]string{}
		for i := range 8 {
			files[fmt.Sprintf("%d.js", i)] = prose(10<<10 + i)
		}
		s, _ := site(t, tree(t, files), Options{})
		for name := range files {
			ask(t, s, "GET /"+name, anyCoding)
		}
		begin := time.Now() // which stands still while anything runs
		work(s)
		c := s.Stats().Compression
		if got := s.worker.rest.Sub(begin); c.Made != 24 || c.CPU <= 0 || got != share*c.CPU {
			t.Errorf("%+v in %v", c, got)
		}
	})
}

// Close ends the goroutine, whatever waits.
func TestWorker_ends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which fails when a goroutine is left
		w := &worker{rest: time.Now().Add(time.Hour)}
		begin := time.Now()
		dir := tree(t, map[string]string{"a.js": prose(4 << 10), "b.js": prose(4 << 10)})
		one, _ := site(t, dir, Options{})
		other, _ := site(t, dir, Options{})
		one.worker, other.worker = w, w
		for _, path := range []string{"/a.js", "/b.js"} {
			ask(t, one, "GET "+path)
			ask(t, other, "GET "+path)
		}
		check(t, one.Close())
		check(t, other.Close())
		synctest.Wait()
		if w.running || len(w.ids) != 0 || time.Since(begin) != 0 {
			t.Errorf("running %v, %d jobs after %v", w.running, len(w.ids), time.Since(begin))
		}
	})
}

// Nobody waits for variants that no client has asked for; a later one who does gets them
// made at the next check.
func TestSite_compressesOnDemand(t *testing.T) { restless(t, testCompressesOnDemand) }

func testCompressesOnDemand(t *testing.T) {
	s, now := site(t, tree(t, map[string]string{"a.js": prose(4 << 10)}), Options{})
	ask(t, s, "GET /a.js")
	if work(s); s.Stats().Compression.Made != 0 {
		t.Error("variants were made for a client that takes none")
	}
	now.now += 5 * time.Second
	ask(t, s, "GET /a.js", "Accept-Encoding: gzip")
	if work(s); s.Stats().Compression.Made != 3 {
		t.Errorf("%+v", s.Stats().Compression)
	}
}

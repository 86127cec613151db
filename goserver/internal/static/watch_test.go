package static

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
)

// A watched is a site whose watch tells the test what it has heard. Its clock
// stands, so that only the watch can show a change.
type watched struct {
	*Site
	t      *testing.T
	dir    string
	heard  chan string
	marks  int
	logged bytes.Buffer // until the watch has ended
}

func newWatched(t *testing.T, most int, files map[string]string) (*watched, *clock) {
	t.Helper()
	w := &watched{t: t, dir: tree(t, files), heard: make(chan string, 1<<16)}
	s, now := site(t, w.dir, Options{Logger: slog.New(slog.NewTextHandler(&w.logged, nil)), NoCompression: true})
	w.Site = s
	s.watch = s.newWatch(most)
	if s.watch != nil {
		s.watch.heard = func(name string) { w.heard <- name }
		go s.watch.run()
	}
	return w, now
}

func (w *watched) path(name string) string { return filepath.Join(w.dir, filepath.FromSlash(name)) }

// hear waits until all is heard that has changed so far.
func (w *watched) hear() {
	w.t.Helper()
	w.marks++
	mark := fmt.Sprintf(".mark%d", w.marks)
	check(w.t, os.WriteFile(w.path(mark), nil, 0o644))
	for {
		select {
		case name := <-w.heard:
			if name == mark {
				return
			}
		case <-w.watch.ended:
			w.t.Fatalf("the watch has ended: %s", &w.logged)
		}
	}
}

// expect asks twice: what is loaded first is sent from the cache next.
func (w *watched) expect(what, path string, status int, body string) {
	w.t.Helper()
	for range 2 {
		ask(w.t, w.Site, "GET "+path, "Accept-Encoding: gzip").expect(w.t, what+": "+path, status, body)
	}
}

func TestWatch(t *testing.T) {
	w, _ := newWatched(t, 100, map[string]string{"a.txt": "a", "gone.txt": "g", "sub/b.txt": "b", "sub/deep/c.txt": "c", "old/d.txt": "d", "side.js": prose(999)})
	w.expect("at first", "/a.txt", 200, "a")
	w.expect("at first", "/gone.txt", 200, "g")
	w.expect("at first", "/side.js", 200, prose(999))
	w.expect("at first", "/sub/b.txt", 200, "b")
	w.expect("at first", "/sub/deep/c.txt", 200, "c")
	w.expect("at first", "/old/d.txt", 200, "d")
	w.expect("not there", "/", 404, "*")
	w.expect("not there", "/new.txt", 404, "*")
	w.expect("not there", "/made/x/e.txt", 404, "*")
	if e, _ := w.cache.Get([]byte("/sub/deep/c.txt"), 0); e == nil || !e.Immutable {
		t.Error("a file that is watched is looked at again")
	}

	write(t, w.path("a.txt"), "A", false)
	replace(t, w.path("sub/b.txt"), "B", past)
	check(t, os.Remove(w.path("gone.txt")))
	write(t, w.path("new.txt"), "new", false)
	write(t, w.path("side.js.gz"), "<gz>", false)
	write(t, w.path("index.html"), "home", false)
	write(t, w.path("made/x/e.txt"), "e", false)
	w.hear()
	w.expect("written in place", "/a.txt", 200, "A")
	w.expect("replaced", "/sub/b.txt", 200, "B")
	w.expect("removed", "/gone.txt", 404, "*")
	w.expect("created", "/new.txt", 200, "new")
	w.expect("got a sidecar", "/side.js", 200, "<gz>")
	w.expect("got an index", "/", 200, "home")
	w.expect("in a new directory", "/made/x/e.txt", 200, "e")

	replace(t, w.path("made/x/e.txt"), "E", past)
	check(t, os.Rename(w.path("sub"), w.path("moved")))
	check(t, os.RemoveAll(w.path("old")))
	w.hear()
	w.expect("changed in a new directory", "/made/x/e.txt", 200, "E")
	w.expect("moved away", "/sub/deep/c.txt", 404, "*")
	w.expect("moved here", "/moved/deep/c.txt", 200, "c")
	w.expect("removed with its directory", "/old/d.txt", 404, "*")

	replace(t, w.path("moved/deep/c.txt"), "C", past)
	write(t, w.path("old/d.txt"), "D", false)
	write(t, w.path("sub/b.txt"), "other", false)
	w.hear()
	w.expect("changed in a moved directory", "/moved/deep/c.txt", 200, "C")
	w.expect("in a directory made again", "/old/d.txt", 200, "D")
	w.expect("in the place of a moved directory", "/sub/b.txt", 200, "other")
	if e, _ := w.cache.Get([]byte("/moved/deep/c.txt"), 0); e == nil || !e.Immutable {
		t.Error("a directory that was moved is not watched")
	}
}

// What a watch cannot see is looked at again as ever.
func TestWatch_covers(t *testing.T) {
	outside := tree(t, map[string]string{"x.txt": "x"})
	w, now := newWatched(t, 100, map[string]string{"real/a.txt": "a", "b.txt": "b", ".well-known/c.txt": "c"})
	check(t, os.Symlink("real", w.path("link")))
	check(t, os.Symlink("real/a.txt", w.path("link.txt")))
	check(t, os.Link(filepath.Join(outside, "x.txt"), w.path("hard.txt")))
	w.hear()
	for path, want := range map[string]bool{"/real/a.txt": true, "/b.txt": true, "/.well-known/c.txt": true, "/link/a.txt": false, "/link.txt": false, "/hard.txt": false} {
		w.expect("at first", path, 200, "*")
		if e, _ := w.cache.Get([]byte(path), 0); e == nil || e.Immutable != want {
			t.Errorf("%s is watched: %v, want %v", path, !want, want)
		}
	}
	replace(t, w.path("real/a.txt"), "A", past)
	w.hear()
	now.now += 5 * time.Second
	for _, path := range []string{"/real/a.txt", "/link/a.txt", "/link.txt"} {
		w.expect("changed", path, 200, "A")
	}
}

// A file that changes after it was opened, and is heard of before its pages are in
// the cache, is looked at again.
func TestWatch_outrun(t *testing.T) {
	w, now := newWatched(t, 100, map[string]string{"a.txt": "old"})
	target := w.findFor("/a.txt")
	defer target.close()
	e := w.load(&target, 200)
	replace(t, w.path("a.txt"), "new", past)
	w.hear()
	if !w.store("/a.txt", &target, e, 0) {
		t.Fatal("not stored")
	}
	now.now += 5 * time.Second
	w.expect("changed", "/a.txt", 200, "new")
}

// A watch that loses track leaves nothing behind that is not looked at again.
func TestWatch_givesUp(t *testing.T) {
	for name, lose := range map[string]func(w *watched){
		"overflow":             func(w *watched) { w.watch.fs.Errors <- fsnotify.ErrEventOverflow },
		"too many directories": func(w *watched) { write(t, w.path("1/2/3/x"), "x", false) },
		"root renamed":         func(w *watched) { check(t, os.Rename(w.dir, w.dir+".old")); w.dir += ".old" },
	} {
		t.Run(name, func(t *testing.T) {
			w, now := newWatched(t, 3, map[string]string{"a.txt": "old", "sub/b.txt": "b"})
			w.t = t
			w.expect("at first", "/a.txt", 200, "old")
			lose(w)
			<-w.watch.ended
			if s := w.logged.String(); strings.Count(s, "\n") != 1 || !strings.Contains(s, "level=WARN") {
				t.Errorf("logged %q", s)
			}
			if w.Stats().Entries != 0 {
				t.Error("the cache was not emptied")
			}
			w.expect("loaded again", "/a.txt", 200, "old")
			replace(t, w.path("a.txt"), "new", past)
			now.now += 5 * time.Second
			w.expect("changed", "/a.txt", 200, "new")
		})
	}
	w, now := newWatched(t, 1, map[string]string{"a.txt": "old", "sub/b.txt": "b"})
	if w.watch != nil || !strings.Contains(w.logged.String(), "more than 1 directories") {
		t.Errorf("too many at first: logged %s", &w.logged)
	}
	w.expect("at first", "/a.txt", 200, "old")
	replace(t, w.path("a.txt"), "new", past)
	now.now += 5 * time.Second
	w.expect("changed", "/a.txt", 200, "new")
}

// A change of a file shows wherever the file stands for something else.
func TestSite_purge(t *testing.T) {
	dir := tree(t, map[string]string{"404.html": "old 404", "app.html": "old app"})
	s, _ := site(t, dir, Options{SPA: "app.html", ErrorPages: map[int]string{404: "404.html"}})
	ask(t, s, "GET /none.js").expect(t, "at first", 404, "old 404")
	ask(t, s, "GET /users").expect(t, "at first", 200, "old app")
	replace(t, filepath.Join(dir, "404.html"), "new 404", past)
	replace(t, filepath.Join(dir, "app.html"), "new app", past)
	ask(t, s, "GET /none.js").expect(t, "not due yet", 404, "old 404")
	ask(t, s, "GET /users").expect(t, "not due yet", 200, "old app")
	s.purge("404.html")
	s.purge("app.html.br")
	ask(t, s, "GET /none.js").expect(t, "changed", 404, "new 404")
	ask(t, s, "GET /users").expect(t, "changed", 200, "new app")
}

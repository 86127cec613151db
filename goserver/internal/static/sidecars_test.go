package static

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

// The names of sidecars in a directory are known for a while, of few directories.
func TestSite_survey(t *testing.T) {
	dir := tree(t, map[string]string{"a.html": "aaaaaa", "b.html": "bbbbbb", "c.html": "cccccc", "c.html.gz": "gz", "d/x.html": "xxxxxx"})
	s, now := site(t, dir, Options{NoCompression: true})
	for _, path := range []string{"/a.html", "/b.html"} {
		ask(t, s, "GET "+path, "Accept-Encoding: gzip").expect(t, path, 200, "*", "Content-Encoding:")
	}
	ask(t, s, "GET /c.html", "Accept-Encoding: gzip").expect(t, "c", 200, "gz", "Content-Encoding: gzip")
	write(t, filepath.Join(dir, "d/x.html.gz"), "gz", false)
	write(t, filepath.Join(dir, "a.html.gz"), "gz", false)
	now.now += 5 * time.Second
	ask(t, s, "GET /a.html", "Accept-Encoding: gzip").expect(t, "it came", 200, "gz")
	ask(t, s, "GET /d/x.html", "Accept-Encoding: gzip").expect(t, "another directory", 200, "gz")
	names, ok := s.survey(".")
	if !ok || len(names) != 2 || !names["a.html.gz"] || !names["c.html.gz"] {
		t.Errorf("%v %v, want a.html.gz and c.html.gz", names, ok)
	}
	if _, ok := s.survey("none"); ok {
		t.Error("a directory that is missing was read")
	}
	s.surveyor.forget("d")
	s.surveyor.forget("none")
	for i := range 2 * maxSurveyed { // bounded
		s.sidecarsBeside(fmt.Sprintf("d%d/x", i))
	}
	if len(s.surveyor.dirs) > maxSurveyed || s.surveyor.names < 0 {
		t.Errorf("%d directories, %d names", len(s.surveyor.dirs), s.surveyor.names)
	}
}

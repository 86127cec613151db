package static

import (
	"strings"
	"testing"
)

// Of files that are kept open, and of sidecars beside them, changes show at once when
// the directory is watched.
func TestWatch_openFiles(t *testing.T) {
	w, _ := newWatched(t, 100, map[string]string{"l.css": large, "d/index.html": large, "d/x.css": "x", "d/y.css": "y"})
	w.options.Index = []string{"best.html", "index.html"}
	n := counted(w.Site)
	w.expect("at first", "/l.css", 200, large)
	w.expect("at first", "/d/", 200, large)
	w.expect("at first", "/d/x.css", 200, "x")
	w.expect("at first", "/d/y.css", 200, "y")
	if n.open.Load() == 0 {
		t.Fatal("nothing is kept open")
	}
	other := strings.ToUpper(large)
	replace(t, w.path("l.css"), other, past)
	replace(t, w.path("d/index.html"), other, past)
	w.hear()
	w.expect("replaced", "/l.css", 200, other)
	w.expect("replaced", "/d/", 200, other)
	write(t, w.path("l.css.gz"), large[1:], false)
	write(t, w.path("d/index.html.gz"), large[1:], false)
	w.hear()
	w.expect("a sidecar came", "/l.css", 200, large[1:])
	w.expect("a sidecar came", "/d/", 200, large[1:])
	write(t, w.path("d/best.html"), large+large, false)
	w.hear()
	w.expect("a better index came", "/d/", 200, large+large)
}

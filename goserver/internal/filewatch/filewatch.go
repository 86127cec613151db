// Package filewatch tells that files may have changed: at once where the system
// says so, and every half minute all the same, for file systems that say
// nothing and for links far up the path.
package filewatch

import (
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	settle   = 100 * time.Millisecond // of quiet, so that files that belong together are all there
	patience = time.Second            // after the first change at most
	interval = 30 * time.Second       // between looks that no change asked for
)

// A Watcher calls a function when files may have changed. It holds one goroutine
// and one watch of the system for each directory.
type Watcher struct {
	fs      *fsnotify.Watcher // nil where the system has none to give
	dirs    func() []string
	changed func()
	watched []string
	stop    chan struct{}
	ended   chan struct{}
}

// Start watches the directories that dirs returns, as clean paths; it is asked again after each
// call of changed, which is called again when the watch of a directory has begun: what changed there
// before was not told. Both are called by one goroutine, the first dirs by Start. Links to
// other places in a directory show when they are replaced; where they lead is for dirs
// to name, too. A system that gives no watch is logged once.
func Start(dirs func() []string, changed func(), log *slog.Logger) *Watcher {
	w := &Watcher{dirs: dirs, changed: changed, stop: make(chan struct{}), ended: make(chan struct{})}
	var err error
	if w.fs, err = fsnotify.NewWatcher(); err != nil {
		log.Warn("changes of files show late", "interval", interval.String(), "error", err.Error())
	}
	go w.run(w.follow())
	return w
}

// Close ends the watch and waits for a running call of changed.
func (w *Watcher) Close() {
	close(w.stop)
	<-w.ended
	if w.fs != nil {
		w.fs.Close()
	}
}

// run calls changed, at first when some watch has begun.
func (w *Watcher) run(begun bool) {
	defer close(w.ended)
	look := time.NewTicker(interval)
	defer look.Stop()
	var events chan fsnotify.Event
	var errs chan error
	if w.fs != nil {
		events, errs = w.fs.Events, w.fs.Errors
	}
	var quiet, late <-chan time.Time // nil: nothing has changed
	for {
		if begun {
			begun, quiet = false, time.After(settle)
		}
		select {
		case <-w.stop:
			return
		case <-events:
			quiet = time.After(settle)
			if late == nil {
				late = time.After(patience)
			}
			continue
		case <-errs: // events were lost
		case <-look.C:
		case <-quiet:
		case <-late:
		}
		quiet, late = nil, nil
		w.changed()
		begun = w.follow()
	}
}

// follow watches what is to be watched now, and reports whether some watch has begun.
func (w *Watcher) follow() (begun bool) {
	if w.fs == nil {
		return false
	}
	want := w.dirs()
	for _, dir := range w.watched {
		if !slices.Contains(want, dir) {
			w.fs.Remove(dir) // fails when it has gone: then the system has ended the watch
		}
	}
	have := w.fs.WatchList()
	for _, dir := range want {
		if !slices.Contains(have, dir) && w.fs.Add(dir) == nil { // fails when it is not there: then the next look finds it
			begun = true
		}
	}
	w.watched = want
	return begun
}

// Dirs returns the directories in which a change of a file shows: that of its
// name, and that where links lead to. Files are given by name; what is "" is left out.
func Dirs(files ...string) (dirs []string) {
	for _, file := range files {
		if file == "" {
			continue
		}
		dirs = append(dirs, filepath.Dir(file))
		if real, err := filepath.EvalSymlinks(file); err == nil {
			dirs = append(dirs, filepath.Dir(real))
		}
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

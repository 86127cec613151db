package static

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/fsnotify/fsnotify"

	"github.com/hyperion-server/hyperion/pagecache"
)

// maxWatched is how many directories are watched. Systems allow a user some 8192
// or more in all his processes.
const maxWatched = 8192

// A watch hears of changes below a site's directory and takes out of the
// cache what they touch. Files that it covers need not be looked at again. When it
// loses track, it gives up: then nothing is covered. nil covers nothing.
type watch struct {
	site    *Site
	root    string // absolute path of the site's directory
	fs      *fsnotify.Watcher
	most    int               // directories
	changes atomic.Uint64     // that were heard of
	ended   chan struct{}     // closed when the goroutine has ended
	heard   func(name string) // of tests: called after each change

	mu   sync.Mutex
	dirs map[string]struct{} // watched, by their names in the root; nil after giving up
}

// newWatch watches the site's directory, or logs why not. Its run is to be called.
func (s *Site) newWatch(most int) *watch {
	w := &watch{site: s, most: most, dirs: make(map[string]struct{}), ended: make(chan struct{})}
	var err error
	if w.root, err = filepath.Abs(s.root.Name()); err == nil {
		w.fs, err = fsnotify.NewWatcher()
	}
	if err != nil {
		w.warn(err)
		return nil
	}
	if err := w.add("."); err != nil {
		w.fs.Close()
		w.warn(err)
		return nil
	}
	return w
}

func (w *watch) warn(reason error) {
	w.site.options.Logger.Warn("static watch ended, files are checked instead", "dir", w.root, "reason", reason.Error())
}

// close ends the watch and waits for its goroutine. A nil watch may be closed.
func (w *watch) close() {
	if w != nil {
		w.fs.Close()
		<-w.ended
	}
}

// run takes the changes until the watch is closed or loses track.
func (w *watch) run() {
	defer close(w.ended)
	for {
		select {
		case ev, ok := <-w.fs.Events:
			if !ok {
				return
			}
			if err := w.hear(ev); err != nil {
				w.giveUp(err)
				return
			}
		case err, ok := <-w.fs.Errors:
			if !ok {
				return
			}
			w.giveUp(err)
			return
		}
	}
}

// giveUp empties the cache, so that what was covered is looked at from now on.
func (w *watch) giveUp(reason error) {
	w.mu.Lock()
	w.dirs = nil
	w.mu.Unlock()
	w.changes.Add(1)
	w.fs.Close()
	w.site.cache.Clear()
	w.warn(reason)
}

// hear handles a change. Its error says that the watch has lost track.
func (w *watch) hear(ev fsnotify.Event) error {
	rel, err := filepath.Rel(w.root, ev.Name)
	if ev.Name == "" || err != nil {
		return nil
	}
	name := filepath.ToSlash(rel)
	w.changes.Add(1) // before the purge: what is loaded meanwhile sees one or the other
	if ev.Has(fsnotify.Remove) || ev.Has(fsnotify.Rename) {
		if name == "." {
			return errors.New("the directory was removed or renamed")
		}
		w.remove(name)
	}
	if ev.Has(fsnotify.Create) {
		if err := w.add(name); err != nil {
			return err
		}
	}
	w.site.purge(name)
	if w.heard != nil {
		w.heard(name)
	}
	return nil
}

// add watches a directory and those below it, if they are served. It is
// no error if name is no directory, or not any more.
func (w *watch) add(name string) error {
	if info, err := os.Lstat(w.path(name)); err != nil || !info.IsDir() || !w.site.servesName(name) {
		return nil
	}
	if err := w.watchDir(name); err != nil {
		return err
	}
	w.site.cache.PurgePrefix(w.site.key(name) + "/")
	list, err := w.list(name)
	for _, entry := range list {
		if err == nil && entry.IsDir() {
			err = w.add(path.Join(name, entry.Name()))
		}
	}
	return err
}

// list returns what is in a directory, nothing when it has gone.
func (w *watch) list(name string) ([]fs.DirEntry, error) {
	list, err := os.ReadDir(w.path(name))
	if os.IsNotExist(err) || os.IsPermission(err) {
		return nil, nil
	}
	return list, err
}

// watchDir watches one directory.
func (w *watch) watchDir(name string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.dirs) >= w.most {
		return fmt.Errorf("more than %d directories", w.most)
	}
	if err := w.fs.Add(w.path(name)); err != nil {
		if os.IsNotExist(err) || os.IsPermission(err) {
			return nil // it has gone, or none of its files is served
		}
		return err
	}
	w.dirs[name] = struct{}{}
	return nil
}

// remove ends the watch of a directory, and of those below it, that has left its
// place. What it covered is purged.
func (w *watch) remove(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.dirs[name]; !ok {
		return
	}
	for dir := range w.dirs {
		if dir == name || strings.HasPrefix(dir, name+"/") {
			w.fs.Remove(w.path(dir)) // fails when it was deleted: then the system has ended the watch
			delete(w.dirs, dir)
		}
	}
	w.site.cache.PurgePrefix(w.site.key(name) + "/")
}

func (w *watch) path(name string) string { return filepath.Join(w.root, filepath.FromSlash(name)) }

// seen returns a number for covers, to be had before a file is opened.
func (w *watch) seen() uint64 {
	if w == nil {
		return 0
	}
	return w.changes.Load()
}

// covers reports whether each change of a file, since seen was returned, will be heard of: its
// directory is watched, it was found there and not through a link, and it has no other name.
func (w *watch) covers(t *target, seen uint64) bool {
	if w == nil {
		return false
	}
	w.mu.Lock()
	_, ok := w.dirs[path.Dir(t.name)]
	w.mu.Unlock()
	if !ok {
		return false
	}
	info, err := os.Lstat(w.path(t.name))
	return err == nil && info.Mode().IsRegular() && stamp(info) == t.stamps[pagecache.Identity] && linkCount(info) == 1 && w.changes.Load() == seen
}

// purge takes out of the cache what a change of a name in the root may touch: its own
// pages, those of the file that it is a sidecar of, and of what it stands for.
func (s *Site) purge(name string) {
	names := []string{name}
	for _, suffix := range sidecars {
		if base, ok := strings.CutSuffix(name, suffix); ok && suffix != "" {
			names = append(names, base)
		}
	}
	s.files.dropIf(func(o *opened) bool { return o.name == names[0] || o.name == names[len(names)-1] })
	for _, name := range names {
		s.cache.Delete([]byte(s.key(name)))
		if name == s.options.SPA {
			s.cache.Delete([]byte(fallbackKey))
		}
		for status, page := range s.options.ErrorPages {
			if name == page {
				s.cache.Delete(errorKey(status))
			}
		}
	}
	dir := s.prefix // of which it may be the index
	if parent := path.Dir(name); parent != "." {
		dir = s.key(parent) + "/"
	}
	s.cache.Delete([]byte(dir))
	s.files.forget([]byte(dir))
	s.surveyor.forget(path.Dir(name))
}

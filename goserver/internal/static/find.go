package static

import (
	"errors"
	"io/fs"
	"path"
	"syscall"
	"time"

	"github.com/hyperion-server/hyperion/pagecache"
)

// A kind is what a path leads to.
type kind uint8

const (
	missing   kind = iota // nothing, or what is not for others to know of
	forbidden             // what this process may not read
	busy                  // no descriptor is left, or the site is closed
	failing               // an error of the file system
	moved                 // a directory, but the path lacks its slash
	directory             // without an index file
	regular
)

// A target is what a path leads to. f is open for kinds directory and regular,
// and the receiver's to close.
type target struct {
	kind   kind
	f      file
	path   string // that find was asked for; "" when f was not found by a path
	name   string // of f in the root
	info   fileInfo
	stamps [pagecache.Codings]pagecache.Stamp // of the file at Identity, and of the sidecars that may be used

	fallback bool   // is sent in the place of a 404 (Options.SPA)
	coded    bool   // the client of the request says which codings it takes
	start    []byte // of a file whose name does not tell its type, once it was read
	seen     uint64 // what the watch said before the file was opened
}

// Sidecars are files beside a file with the same content in a coding.
var sidecars = [pagecache.Codings]string{pagecache.Gzip: ".gz", pagecache.Brotli: ".br", pagecache.Zstd: ".zst"}

// find opens what a decoded path leads to, or takes it from the files that are open
// already, unless it is time to look again.
func (s *Site) find(p string) target {
	o := s.files.get([]byte(p))
	if o == nil {
		t := s.lookUp(p)
		t.path = p
		return t
	}
	if !o.claim(s.recheck, s.now()) {
		return o.share()
	}
	t := s.lookUp(p)
	if t.kind == busy || t.kind == regular && t.name == o.name && t.info == o.info && t.stamps == o.stamps {
		t.close()
		return o.share()
	}
	s.files.drop(o)
	o.Close()
	t.path = p
	return t
}

// lookUp opens what a decoded path leads to.
func (s *Site) lookUp(p string) target {
	name, slash, ok := s.name(p)
	if !ok {
		return target{}
	}
	t := s.open(name)
	switch {
	case t.kind == regular && slash:
		t.close()
		return target{}
	case t.kind == directory && !slash:
		t.close()
		return target{kind: moved}
	case t.kind == directory:
		for _, index := range s.options.Index {
			i := s.open(path.Join(name, index))
			if i.kind == directory {
				i.close()
			} else if i.kind != missing {
				t.close()
				t = i
				break
			}
		}
	}
	if t.kind == regular {
		s.stampSidecars(&t)
	}
	return t
}

// open opens a name in the root. Opening does not block, whatever there is, and
// gives no more than directories and regular files.
func (s *Site) open(name string) target {
	f, err := s.tree.open(name)
	if noDescriptor(err) && s.files.shed() {
		f, err = s.tree.open(name)
	}
	if err != nil {
		return target{kind: kindOf(err)}
	}
	info, err := f.stat()
	switch {
	case err != nil:
		f.Close()
		return target{kind: failing}
	case info.IsDir():
		return target{kind: directory, f: f, name: name, info: info}
	case info.Mode().IsRegular():
		t := target{kind: regular, f: f, name: name, info: info}
		t.stamps[pagecache.Identity] = info.stamp
		return t
	}
	f.Close()
	return target{}
}

// kindOf judges why a file could not be opened. What leads out of the root is
// missing, as are names too long and loops of links.
func kindOf(err error) kind {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return forbidden
	case noDescriptor(err), errors.Is(err, fs.ErrClosed), errors.Is(err, syscall.EAGAIN):
		return busy
	case errors.Is(err, syscall.EIO), errors.Is(err, syscall.ENOMEM):
		return failing
	}
	return missing
}

// noDescriptor reports whether the process, or the system, has as many files open as it may.
func noDescriptor(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// stampSidecars notes which sidecars of t may be used: those that are smaller than
// the file, and not older. Times are compared in whole seconds, for tools that keep
// no more of a file's time.
func (s *Site) stampSidecars(t *target) {
	if s.options.NoSidecars || mediaOf(t.name).packed {
		return
	}
	beside, known := s.sidecarsBeside(t.name)
	if known && len(beside) == 0 {
		return
	}
	for coding, suffix := range sidecars {
		if suffix == "" || known && !beside[path.Base(t.name)+suffix] {
			continue
		}
		info, err := s.tree.stat(t.name + suffix)
		if err == nil && info.Mode().IsRegular() && info.Size() > 0 && info.Size() < t.info.Size() &&
			info.ModTime().Unix() >= t.info.ModTime().Unix() {
			t.stamps[coding] = info.stamp
		}
	}
}

// settling is the time in which a file system may give two changes of a file the
// same time. What changed more recently is not kept: the next change might not show.
const settling = 20 * time.Millisecond

// settled reports whether a later change of the file, or of a sidecar, will show in its stamp.
func (t *target) settled() bool {
	now := time.Now().UnixNano()
	for _, st := range t.stamps {
		if age := now - st.Time; 0 <= age && age < int64(settling) {
			return false
		}
	}
	return true
}

func stamp(info fs.FileInfo) pagecache.Stamp {
	return pagecache.Stamp{Time: info.ModTime().UnixNano(), Size: info.Size(), Number: identity(info)}
}

package static

import (
	"errors"
	"io/fs"
	"os"
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
	f      *os.File
	name   string // of f in the root
	info   fs.FileInfo
	stamps [pagecache.Codings]pagecache.Stamp // of the file at Identity, and of the sidecars that may be used
}

// Sidecars are files beside a file with the same content in a coding.
var sidecars = [pagecache.Codings]string{pagecache.Gzip: ".gz", pagecache.Brotli: ".br", pagecache.Zstd: ".zst"}

// find opens what a decoded path leads to.
func (s *Site) find(p string) target {
	name, slash, ok := s.name(p)
	if !ok {
		return target{}
	}
	t := s.open(name)
	switch {
	case t.kind == regular && slash:
		t.f.Close()
		return target{}
	case t.kind == directory && !slash:
		t.f.Close()
		return target{kind: moved}
	case t.kind == directory:
		for _, index := range s.options.Index {
			i := s.open(path.Join(name, index))
			if i.kind == directory {
				i.f.Close()
			} else if i.kind != missing {
				t.f.Close()
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
	f, err := s.root.OpenFile(name, os.O_RDONLY|openFlags, 0)
	if err != nil {
		return target{kind: kindOf(err)}
	}
	info, err := f.Stat()
	switch {
	case err != nil:
		f.Close()
		return target{kind: failing}
	case info.IsDir():
		return target{kind: directory, f: f, name: name, info: info}
	case info.Mode().IsRegular():
		t := target{kind: regular, f: f, name: name, info: info}
		t.stamps[pagecache.Identity] = stamp(info)
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
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, fs.ErrClosed):
		return busy
	case errors.Is(err, syscall.EIO), errors.Is(err, syscall.ENOMEM):
		return failing
	}
	return missing
}

// stampSidecars notes which sidecars of t may be used: those that are smaller than
// the file, and not older. Times are compared in whole seconds, for tools that keep
// no more of a file's time.
func (s *Site) stampSidecars(t *target) {
	if s.options.NoSidecars || mediaOf(t.name).packed {
		return
	}
	for coding, suffix := range sidecars {
		if suffix == "" {
			continue
		}
		info, err := s.root.Stat(t.name + suffix)
		if err == nil && info.Mode().IsRegular() && info.Size() > 0 && info.Size() < t.info.Size() &&
			info.ModTime().Unix() >= t.info.ModTime().Unix() {
			t.stamps[coding] = stamp(info)
		}
	}
}

// made reports whether e was made from t and its sidecars as they are now.
func (t *target) made(e *pagecache.Entry) bool {
	for coding, r := range e.Representations {
		if r == nil && t.stamps[coding] != (pagecache.Stamp{}) || r != nil && t.stamps[coding] != r.Stamp {
			return false
		}
	}
	return true
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

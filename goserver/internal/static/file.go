package static

import (
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/pagecache"
)

// A file is an open file, which is read at offsets only. It is safe for any
// number of goroutines until it is closed, once.
type file interface {
	direct.File
	io.Closer

	// stat returns what the open file is now.
	stat() (fileInfo, error)

	// names returns at most n names that are in a directory.
	names(n int) ([]string, error)
}

// A fileInfo is what a Site wants to know of a file.
type fileInfo struct {
	stamp pagecache.Stamp
	mode  fs.FileMode // its type only
}

func (i fileInfo) Size() int64        { return i.stamp.Size }
func (i fileInfo) ModTime() time.Time { return time.Unix(0, i.stamp.Time) }
func (i fileInfo) IsDir() bool        { return i.mode.IsDir() }
func (i fileInfo) Mode() fs.FileMode  { return i.mode }

// A fileTree opens what is below a directory, and nothing outside. Relative symbolic
// links are followed as far as they lead to something below it, absolute ones never.
// Opening and looking do not wait, whatever a name leads to.
type fileTree interface {
	open(name string) (file, error)
	stat(name string) (fileInfo, error)
	io.Closer
}

// A rootTree is a fileTree by way of os.Root, on any system.
type rootTree struct{ root *os.Root }

func (t rootTree) open(name string) (file, error) {
	f, err := t.root.OpenFile(name, os.O_RDONLY|openFlags, 0)
	if err != nil {
		return nil, err
	}
	return rootFile{f}, nil
}

func (t rootTree) stat(name string) (fileInfo, error) {
	info, err := t.root.Stat(name)
	if err != nil {
		return fileInfo{}, err
	}
	return infoOf(info), nil
}

// Close leaves the root to the Site.
func (t rootTree) Close() error { return nil }

type rootFile struct{ *os.File }

func (f rootFile) stat() (fileInfo, error) {
	info, err := f.Stat()
	if err != nil {
		return fileInfo{}, err
	}
	return infoOf(info), nil
}

func (f rootFile) names(n int) ([]string, error) { return readNames(f.File, n) }

func infoOf(info fs.FileInfo) fileInfo {
	return fileInfo{stamp: stamp(info), mode: info.Mode().Type()}
}

// readNames is Readdirnames without an error at the end.
func readNames(f *os.File, n int) ([]string, error) {
	names, err := f.Readdirnames(n)
	if err == io.EOF {
		err = nil
	}
	return names, err
}

package static

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/bits"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/hyperion-server/hyperion/pagecache"
)

// noOpenat2 is why the kernel, or a filter of system calls, refuses openat2 to this process;
// nil when it does not. An absolute path leads out of any directory, so that the
// right answer is EXDEV.
var noOpenat2 = sync.OnceValue(func() error {
	_, err := unix.Openat2(unix.AT_FDCWD, "/", &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: resolve})
	if err == unix.EXDEV {
		return nil
	}
	if err == nil {
		return errors.New("openat2 does not hold paths below a directory")
	}
	return os.NewSyscallError("openat2", err)
})

// Opening tells how files are opened: "openat2", or "os.Root" and why.
func Opening() string {
	if err := noOpenat2(); err != nil {
		return fmt.Sprintf("os.Root (%v)", err)
	}
	return "openat2"
}

// newTree returns the tree below root.
func newTree(root *os.Root) (fileTree, error) {
	if noOpenat2() != nil {
		return rootTree{root}, nil
	}
	return newBeneath(root)
}

// A beneath is a fileTree by way of openat2(2): one system call walks a whole path,
// and the kernel holds it below the directory.
type beneath struct {
	mu  sync.RWMutex // held for reading while dir is in use
	dir *os.File
	fd  int // of dir, -1 when closed
}

func newBeneath(root *os.Root) (*beneath, error) {
	dir, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	return &beneath{dir: dir, fd: int(dir.Fd())}, nil
}

func (t *beneath) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fd = -1
	return t.dir.Close()
}

// resolve keeps a path below its directory, and does not follow the links of
// /proc that lead to open files.
const resolve = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS

// openTries is how often a path is walked at most when directories are being
// moved, or a lease is being given up, while it is.
const openTries = 32

func (t *beneath) openat2(name string, flags uint64) (fd int, err error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.fd < 0 {
		return -1, fs.ErrClosed
	}
	how := unix.OpenHow{Flags: flags | unix.O_CLOEXEC, Resolve: resolve}
	for range openTries {
		fd, err = unix.Openat2(t.fd, name, &how)
		if err != unix.EAGAIN && err != unix.EINTR {
			break
		}
	}
	return fd, err
}

func (t *beneath) open(name string) (file, error) {
	fd, err := t.openat2(name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return nil, err
	}
	return &fdFile{fd: fd, name: name}, nil
}

func (t *beneath) stat(name string) (fileInfo, error) {
	fd, err := t.openat2(name, unix.O_PATH)
	if err != nil {
		return fileInfo{}, err
	}
	defer syscall.Close(fd)
	return fstat(fd)
}

func fstat(fd int) (fileInfo, error) {
	var st unix.Stat_t
	if err := ignoringEINTR(func() error { return unix.Fstat(fd, &st) }); err != nil {
		return fileInfo{}, err
	}
	i := fileInfo{
		stamp: pagecache.Stamp{Time: st.Mtim.Nano(), Size: st.Size, Number: number(st.Ino, st.Ctim.Nano())},
		mode:  fs.ModeIrregular,
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		i.mode = 0
	case unix.S_IFDIR:
		i.mode = fs.ModeDir
	}
	return i, nil
}

// number makes one number of that on the file system, which a new file may take over from
// one removed, and the time of the last change of any kind, which nobody can set. The
// low bits of both change most.
func number(ino uint64, changed int64) uint64 { return ino ^ bits.Reverse64(uint64(changed)) }

func ignoringEINTR(call func() error) error {
	for {
		if err := call(); err != syscall.EINTR {
			return err
		}
	}
}

// An fdFile is a file that is a descriptor and no more: opening it registers
// nothing with Go's poller, and whoever sends it gets at the descriptor
// without allocating. It is its own syscall.RawConn.
type fdFile struct {
	fd   int
	name string
}

func (f *fdFile) Name() string            { return f.name }
func (f *fdFile) stat() (fileInfo, error) { return fstat(f.fd) }

func (f *fdFile) Close() error {
	fd := f.fd
	f.fd = -1
	return syscall.Close(fd)
}

func (f *fdFile) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		m, err := syscall.Pread(f.fd, p[n:], off+int64(n))
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return n, &fs.PathError{Op: "read", Path: f.name, Err: err}
		case m == 0:
			return n, io.EOF
		default:
			n += m
		}
	}
	return n, nil
}

// names takes the descriptor over.
func (f *fdFile) names(n int) ([]string, error) {
	fd := f.fd
	f.fd = -1
	dir := os.NewFile(uintptr(fd), f.name)
	defer dir.Close()
	return readNames(dir, n)
}

func (f *fdFile) SyscallConn() (syscall.RawConn, error) { return f, nil }

func (f *fdFile) Control(do func(fd uintptr)) error {
	do(uintptr(f.fd))
	return nil
}

func (f *fdFile) Read(func(fd uintptr) (done bool)) error  { return errors.ErrUnsupported }
func (f *fdFile) Write(func(fd uintptr) (done bool)) error { return errors.ErrUnsupported }

package static

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"net"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// twoTrees returns both ways to open what is below a directory.
func twoTrees(t testing.TB, dir string) (beneath, rooted fileTree) {
	t.Helper()
	root, err := os.OpenRoot(dir)
	check(t, err)
	t.Cleanup(func() { root.Close() })
	switch err := noOpenat2(); {
	case errors.Is(err, syscall.ENOSYS), errors.Is(err, syscall.EPERM):
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
	b, err := newBeneath(root)
	check(t, err)
	t.Cleanup(func() { b.Close() })
	return b, rootTree{root}
}

// outcome is what opening a name gives: a kind, and what was read.
func outcome(tree fileTree, name string) string {
	s := &Site{tree: tree, files: newOpenFiles(0, stopped)}
	t := s.open(name)
	if t.kind != directory && t.kind != regular {
		return fmt.Sprint(t.kind)
	}
	defer t.close()
	info, err := tree.stat(name)
	if err != nil || info != t.info {
		return fmt.Sprintf("stat %v %v, but open %v", info, err, t.info)
	}
	if t.kind == directory {
		names, err := t.f.names(1000)
		return fmt.Sprint("directory of ", len(names), " ", err)
	}
	b, err := io.ReadAll(io.NewSectionReader(t.f, 0, math.MaxInt32))
	return fmt.Sprintf("file %q %v", b, err)
}

// hostileTree makes a directory with all that a path may stumble over, and one beside it
// that must not be reached.
func hostileTree(t *testing.T) (dir string) {
	parent := tree(t, map[string]string{
		"out/secret": "secret", "in/a": "a", "in/d/b": "b", "in/d/e/c": "c", "in/long/" + strings.Repeat("n", 255): "long",
	})
	dir = filepath.Join(parent, "in")
	for name, to := range map[string]string{
		"file": "a", "dir": "d", "up": "d/../a", "d/above": "../a", "d/e/top": "../../d/b", "self": ".", "slash": "a/", "dirslash": "d/",
		"out": "../out", "escape": "../out/secret", "back": "../in/a", "d/far": "../../out/secret", "further": "../../../../../../etc/passwd",
		"abs": filepath.Join(parent, "out/secret"), "absin": filepath.Join(dir, "a"), "root": "/", "etc": "/etc/passwd",
		"loop": "loop", "ping": "pong", "pong": "ping", "dangling": "none", "through": "a/b", "viaout": "../out/../in/a",
		"proc": "/proc/self/root/etc/passwd", "null": "/dev/null", "toodeep": strings.Repeat("x/", 2000) + "y", "outname": "out/secret",
	} {
		check(t, os.Symlink(to, filepath.Join(dir, name)))
	}
	for i := range 60 { // c0 leads to a over i links
		to := fmt.Sprintf("c%d", i-1)
		if i == 0 {
			to = "a"
		}
		check(t, os.Symlink(to, filepath.Join(dir, fmt.Sprintf("c%d", i))))
	}
	check(t, syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o644))
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	check(t, err)
	t.Cleanup(func() { l.Close() })
	if syscall.Mknod(filepath.Join(dir, "device"), syscall.S_IFCHR|0o666, 1<<8|5) != nil {
		t.Log("without a device")
	}
	write(t, filepath.Join(dir, "private"), "p", false)
	check(t, os.Chmod(filepath.Join(dir, "private"), 0))
	write(t, filepath.Join(dir, "locked/x"), "x", false)
	check(t, os.Chmod(filepath.Join(dir, "locked"), 0))
	t.Cleanup(func() { os.Chmod(filepath.Join(dir, "locked"), 0o755) })
	return dir
}

// The kernel and os.Root open the same files, and neither anything outside.
func TestBeneath_asRoot(t *testing.T) {
	dir := hostileTree(t)
	beneath, rooted := twoTrees(t, dir)
	names := []string{"", ".", "..", "./a", "a/", "a/.", "a/..", "d/", "d/.", "d/..", "d/../a", "d/../../out/secret", "../in/a", "../out/secret",
		"/", "/etc/passwd", dir + "/a", "//a", "d//b", "a\x00", "\x00", "a\\b", "none", "none/x", "a/x", "d/none", "dir/b", "dir/e/c", "dir/../a", "dir/e/../b",
		"self/self/self/a", "out/secret", "out/../in/a", "root/etc/passwd", "d/e/top", "d/above", "d/far", "slash", "dirslash/b", "c0", "c7", "c40", "c59",
		"long/" + strings.Repeat("n", 255), "long/" + strings.Repeat("n", 256), strings.Repeat("d/../", 900) + "a", "fifo/x", "s/x", "locked/x"}
	entries, err := os.ReadDir(dir)
	check(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	for _, name := range names {
		got, want := outcome(beneath, name), outcome(rooted, name)
		if strings.Contains(got, "secret") || strings.Contains(got, "root:") {
			t.Errorf("%.80q left the directory: %s", name, got)
		}
		if _, chain := strings.CutPrefix(name, "c"); got != want && !chain { // see TestBeneath_bounds
			t.Errorf("%.80q: openat2: %s; os.Root: %s", name, got, want)
		}
	}
}

// The kernel follows 40 links for a path of at most 4095 bytes, os.Root 8 for one of any length.
func TestBeneath_bounds(t *testing.T) {
	beneath, rooted := twoTrees(t, hostileTree(t))
	for links := 1; links <= 60; links++ {
		name := fmt.Sprintf("c%d", links-1)
		got, want := outcome(beneath, name), outcome(rooted, name)
		if (got == `file "a" <nil>`) != (links <= 40) || (want == `file "a" <nil>`) != (links <= 8) {
			t.Errorf("%d links: openat2: %s; os.Root: %s", links, got, want)
		}
	}
	name := strings.Repeat("./", 2047) + "a"
	if got := outcome(beneath, name); got != `file "a" <nil>` {
		t.Errorf("4095 bytes: %s", got)
	}
	if got, want := outcome(beneath, "./"+name), outcome(rooted, "./"+name); got != fmt.Sprint(missing) || want != `file "a" <nil>` {
		t.Errorf("4097 bytes: openat2: %s; os.Root: %s", got, want)
	}
}

// The links of /proc that lead to open files are no way out.
func TestBeneath_magicLinks(t *testing.T) {
	dir := tree(t, map[string]string{"x": "secret", "y/": ""})
	f, err := os.Open(filepath.Join(dir, "x"))
	check(t, err)
	defer f.Close()
	d, err := os.Open(filepath.Join(dir, "y"))
	check(t, err)
	defer d.Close()
	beneath, rooted := twoTrees(t, "/proc/self")
	for _, name := range []string{fmt.Sprint("fd/", f.Fd()), fmt.Sprint("fd/", d.Fd(), "/../x"), "exe", "cwd/beneath_linux_test.go", "root/etc/passwd", "task/../root/etc/passwd"} {
		got, want := outcome(beneath, name), outcome(rooted, name)
		if got != want || got != fmt.Sprint(missing) {
			t.Errorf("%s: openat2: %s; os.Root: %s", name, got, want)
		}
	}
}

// Whatever links there are, both ways open the same, and nothing that is outside.
func TestBeneath_random(t *testing.T) {
	parent := tree(t, map[string]string{"a": "outside", "in/": ""})
	dir := filepath.Join(parent, "in")
	beneath, rooted := twoTrees(t, dir)
	segment := rapid.SampledFrom([]string{"a", "b", "c", "l1", "l2", "l3", "..", ".", "in"})
	where := rapid.Custom(func(t *rapid.T) string {
		p := strings.Join(rapid.SliceOfN(segment, 1, 5).Draw(t, "segments"), "/")
		if rapid.IntRange(0, 9).Draw(t, "absolute") == 0 {
			p = path.Join(dir, p)
		}
		return p
	})
	rapid.Check(t, func(t *rapid.T) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			os.RemoveAll(filepath.Join(dir, e.Name()))
		}
		os.MkdirAll(filepath.Join(dir, "b/c"), 0o755)
		os.WriteFile(filepath.Join(dir, "a"), []byte("inside"), 0o644)
		os.WriteFile(filepath.Join(dir, "b/a"), []byte("below"), 0o644)
		for _, l := range []string{"l1", "l2", "b/l1", "b/l3", "b/c/l2"} {
			os.Symlink(where.Draw(t, l), filepath.Join(dir, l))
		}
		for range 10 {
			name := where.Draw(t, "name")
			if _, err := rooted.stat(name); err != nil && strings.Contains(err.Error(), "too many") {
				continue
			}
			got, want := outcome(beneath, name), outcome(rooted, name)
			if got != want || strings.Contains(got, "outside") {
				t.Fatalf("%s: openat2: %s; os.Root: %s", name, got, want)
			}
		}
	})
}

func TestBeneath_closed(t *testing.T) {
	beneath, _ := twoTrees(t, tree(t, map[string]string{"a": "a"}))
	check(t, beneath.Close())
	if _, err := beneath.open("a"); !errors.Is(err, fs.ErrClosed) {
		t.Error(err)
	}
	if _, err := beneath.stat("a"); !errors.Is(err, fs.ErrClosed) {
		t.Error(err)
	}
}

func TestFdFile(t *testing.T) {
	beneath, _ := twoTrees(t, tree(t, map[string]string{"a": "0123456789"}))
	f, err := beneath.open("a")
	check(t, err)
	b := make([]byte, 8)
	for _, tc := range []struct {
		off  int64
		want string
		err  error
	}{{0, "01234567", nil}, {2, "23456789", nil}, {5, "56789", io.EOF}, {10, "", io.EOF}, {1 << 40, "", io.EOF}} {
		if n, err := f.ReadAt(b, tc.off); string(b[:n]) != tc.want || err != tc.err {
			t.Errorf("at %d: %q %v, want %q %v", tc.off, b[:n], err, tc.want, tc.err)
		}
	}
	raw, err := f.SyscallConn()
	check(t, err)
	check(t, raw.Control(func(fd uintptr) {
		if n, err := syscall.Pread(int(fd), b, 3); n != 7 || err != nil {
			t.Errorf("the descriptor reads %d, %v", n, err)
		}
	}))
	if raw.Read(nil) == nil || raw.Write(nil) == nil {
		t.Error("a file can't be waited for")
	}
	check(t, f.Close())
	if err := f.Close(); err == nil {
		t.Error("a descriptor was closed twice: it may be another's by then")
	}
	if Opening() != "openat2" {
		t.Error(Opening())
	}
}

// Where the kernel or a filter refuses openat2, files are opened by os.Root: it is
// told, and the answers are the same.
func TestSite_withoutOpenat2(t *testing.T) {
	dir := tree(t, map[string]string{"a.txt": "a", "l.bin": large, "d/index.html": "d", "x.css": "xxxxxx", "x.css.gz": "g", "e/f.txt": "f", "e/g.txt": "g"})
	check(t, os.Symlink("../a.txt", filepath.Join(dir, "d/in")))
	check(t, os.Symlink("/etc/passwd", filepath.Join(dir, "out")))
	with, _ := site(t, dir, Options{Listing: true})
	probe := noOpenat2
	defer func() { noOpenat2 = probe }()
	noOpenat2 = func() error { return os.NewSyscallError("openat2", syscall.ENOSYS) }
	without, now := site(t, dir, Options{Listing: true})
	if got := Opening(); got != "os.Root (openat2: function not implemented)" {
		t.Error(got)
	}
	if _, ok := without.tree.(rootTree); !ok {
		t.Errorf("%T", without.tree)
	}
	for range 3 {
		for _, request := range []string{"GET /a.txt", "GET /l.bin", "GET /d/", "GET /d", "GET /x.css", "GET /e/", "GET /e/f.txt", "GET /e/g.txt", "GET /d/in", "GET /out", "GET /none"} {
			a, b := ask(t, with, request, "Accept-Encoding: gzip"), ask(t, without, request, "Accept-Encoding: gzip")
			if a.status != b.status || a.body != b.body || headText(a.header) != headText(b.header) {
				t.Errorf("%s: %d %q, without openat2 %d %q", request, a.status, headText(a.header), b.status, headText(b.header))
			}
		}
		now.now += 5 * time.Second
	}
}

package filewatch

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/internal/leaktest"
)

// TestMain fails when a test leaves a goroutine behind.
func TestMain(m *testing.M) { leaktest.Main(m) }

const patient = time.Minute

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Changes are told, also in a directory that is named later or comes back.
func TestWatcher(t *testing.T) {
	first, second := t.TempDir(), filepath.Join(t.TempDir(), "second")
	dirs := []string{first, second} // the second is not there yet
	changes := make(chan struct{}, 100)
	w := Start(func() []string { return dirs }, func() { changes <- struct{}{} }, slog.New(slog.DiscardHandler))
	defer w.Close()
	heard := func(what string) {
		t.Helper()
		select {
		case <-changes:
		case <-time.After(patient):
			t.Fatalf("%s: not heard of", what)
		}
	}
	write(t, filepath.Join(first, "a"), "1")
	heard("a new file")
	if err := os.Mkdir(second, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(first, "a"), "2") // after which the second directory is watched
	heard("a change")
	heard2 := func() { // what was written before may still be told
		for {
			select {
			case <-changes:
				continue
			default:
			}
			return
		}
	}
	heard2()
	write(t, filepath.Join(second, "b"), "1")
	heard("a file in the directory that came")
	if err := os.Symlink("a", filepath.Join(first, "link")); err != nil {
		t.Fatal(err)
	}
	heard("a link")
}

// What changes in a directory before its watch begins is told all the same, and soon: here
// while the caller looks at the others.
func TestWatcher_beforeTheWatch(t *testing.T) {
	first, second := t.TempDir(), filepath.Join(t.TempDir(), "second")
	calls := make(chan int, 100)
	n := 0
	w := Start(func() []string { return []string{first, second} }, func() {
		if n++; n == 2 { // the first is for what came before Start
			if err := os.Mkdir(second, 0o700); err != nil {
				t.Error(err)
			}
			write(t, filepath.Join(second, "a"), "1")
		}
		calls <- n
	}, slog.New(slog.DiscardHandler))
	defer w.Close()
	for want := 1; want <= 3; want++ {
		select {
		case <-calls:
		case <-time.After(interval / 2):
			t.Fatalf("look number %d does not come", want)
		}
		if want == 1 {
			write(t, filepath.Join(first, "a"), "1")
		}
	}
}

func TestDirs(t *testing.T) {
	dir := t.TempDir()
	real := filepath.Join(dir, "real")
	if err := errors.Join(os.Mkdir(real, 0o700), os.Symlink("real/file", filepath.Join(dir, "link"))); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(real, "file"), "")
	for _, c := range []struct{ files, want []string }{
		{[]string{"", ""}, nil},
		{[]string{filepath.Join(dir, "none")}, []string{dir}},
		{[]string{filepath.Join(real, "file"), filepath.Join(real, "x")}, []string{real}},
		{[]string{filepath.Join(dir, "link")}, []string{dir, real}},
	} {
		if got := Dirs(c.files...); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.files, got, c.want)
		}
	}
}

func TestReplace(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	content := func(text string, err error) func() ([]byte, error) {
		return func() ([]byte, error) { return []byte(text), err }
	}
	has := func(want string) {
		t.Helper()
		if b, _ := os.ReadFile(name); string(b) != want {
			t.Errorf("the file has %q, want %q", b, want)
		}
		if _, err := os.Stat(name + ".new"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("left over: %v", err)
		}
	}
	if err := Replace(name, content("one", nil)); err != nil {
		t.Fatal(err)
	}
	has("one")
	bad := errors.New("bad")
	if err := Replace(name, content("two", bad)); err != bad {
		t.Errorf("%v, want the error of content", err)
	}
	has("one")
	err := Replace(name, func() ([]byte, error) {
		if err := Replace(name, content("inner", nil)); !errors.Is(err, fs.ErrExist) {
			t.Errorf("while another writes: %v", err)
		}
		return []byte("outer"), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	has("outer")
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: the file must be its owner's", info, err)
	}
	write(t, name+".new", "left over")
	old := time.Now().Add(-2 * abandoned)
	if err := os.Chtimes(name+".new", old, old); err != nil {
		t.Fatal(err)
	}
	if err := Replace(name, content("three", nil)); err != nil {
		t.Fatal(err)
	}
	has("three")
}

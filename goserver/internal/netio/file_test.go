package netio

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A ladder is a way to send files on one kind of connection, with the rung
// asked for and the one that is to be used.
type ladder struct {
	name string
	kind int  // of kinds
	ask  Rung // RungAuto is asked for as such
	used func(n int64) Rung
	set  func(*testing.T) // prepares the process, and undoes that at the end
}

// ladders are all there are; further files add those of their systems.
var ladders = []ladder{
	{name: "plain/auto", kind: 1, ask: RungAuto, used: always(RungCopy)},
	{name: "plain tls/auto", kind: 3, ask: RungAuto, used: always(RungCopy)},
	{name: "tls/auto", kind: 2, ask: RungAuto, used: always(RungCopy)},
	{name: "tls/sendfile", kind: 2, ask: RungSendfile, used: always(RungCopy)},
	{name: "plain/sendfile", kind: 1, ask: RungSendfile, used: always(RungCopy)},
}

func always(r Rung) func(int64) Rung { return func(int64) Rung { return r } }

// testFile returns a file of size bytes, and these.
func testFile(t testing.TB, size int) (string, []byte) {
	t.Helper()
	content := make([]byte, size)
	src := rand.NewChaCha8([32]byte{1})
	src.Read(content)
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, content
}

func open(t testing.TB, path string) *os.File {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// A sending is one call of SendFile and what came of it.
type sending struct {
	head   []byte
	off, n int64
	sent   int64
	used   Rung
	err    error
}

// sendAll does sendings on one connection of the kind and returns what the
// peer got until the connection ended.
func sendAll(t *testing.T, l ladder, f File, all []*sending) []byte {
	t.Helper()
	if l.set != nil {
		l.set(t)
	}
	done := make(chan bool)
	te := run(t, kinds[l.kind], Config{}, func(c Conn) {
		defer close(done)
		defer c.End()
		c.Read(make([]byte, 1))
		for _, s := range all {
			if s.sent, s.used, s.err = c.SendFile(s.head, f, s.off, s.n, l.ask); s.err != nil {
				return
			}
		}
	})
	c := te.dial()
	c.SetReadBuffer(64 << 10)
	c.Write([]byte("x"))
	got, err := io.ReadAll(c)
	if err != nil {
		t.Errorf("reading: %v", err)
	}
	<-done
	return got
}

var fileSizes = []int64{0, 1, 4095, 4096, 4097, SmallMax - 1, SmallMax, SmallMax + 1, 256<<10 - 1, 256 << 10, 256<<10 + 1, 1 << 20}

func TestSendFile(t *testing.T) {
	path, content := testFile(t, 1<<20+100)
	f := open(t, path)
	heads := [][]byte{nil, []byte("head\r\n"), bytes.Repeat([]byte("h"), headRoom+SmallMax+1)}
	for _, l := range ladders {
		t.Run(l.name, func(t *testing.T) {
			var all []*sending
			var want []byte
			for _, n := range fileSizes {
				for i, off := range []int64{0, 1, 100} {
					s := &sending{head: heads[i], off: off, n: n}
					all = append(all, s)
					want = append(append(want, s.head...), content[off:off+n]...)
				}
			}
			got := sendAll(t, l, f, all)
			for _, s := range all {
				if s.sent != s.n || s.err != nil || s.used != l.used(s.n) {
					t.Errorf("%d bytes from %d behind %d: sent %d by %v, %v; want %v", s.n, s.off, len(s.head), s.sent, s.used, s.err, l.used(s.n))
				}
			}
			if !bytes.Equal(got, want) {
				t.Errorf("got %d bytes, want %d, and not the same", len(got), len(want))
			}
		})
	}
}

// A file that ends early gives what there is of it, then an error.
func TestSendFile_shrunk(t *testing.T) {
	path, content := testFile(t, 300_000)
	f := open(t, path)
	for _, l := range ladders {
		for _, there := range []int64{0, 1000, 299_990} {
			t.Run(fmt.Sprint(l.name, "/", there), func(t *testing.T) {
				s := &sending{head: []byte("head"), off: int64(len(content)) - there, n: there + 10}
				got := sendAll(t, l, f, []*sending{s})
				if want := append([]byte("head"), content[s.off:]...); !bytes.Equal(got, want) {
					t.Errorf("got %d bytes, want %d", len(got), len(want))
				}
				if s.err != ErrFileShrank || s.sent != there {
					t.Errorf("sent %d, %v; want %d, ErrFileShrank", s.sent, s.err, there)
				}
			})
		}
	}
}

// Offsets and lengths are 64 bits wide on every rung.
func TestSendFile_huge(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sparse")
	w, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	const size = 5 << 30
	mark := []byte("the last bytes of a large file")
	if _, err = w.WriteAt(mark, size-int64(len(mark))); err != nil {
		t.Skip("no sparse files here: ", err)
	}
	w.Close()
	f := open(t, path)
	for _, l := range ladders {
		t.Run(l.name, func(t *testing.T) {
			all := []*sending{
				{off: size - 100, n: 100},
				{off: 1<<31 - 5, n: 10},
				{off: 1<<32 - 5, n: 10},
				{off: size - 300_000, n: 300_000},
				{off: size - 10, n: 1 << 33},
			}
			got := sendAll(t, l, f, all)
			end := make([]byte, 300_000)
			copy(end[len(end)-len(mark):], mark)
			want := bytes.Join([][]byte{end[len(end)-100:], make([]byte, 20), end, end[len(end)-10:]}, nil)
			if !bytes.Equal(got, want) {
				t.Errorf("got %d bytes, want %d, and not the same", len(got), len(want))
			}
			if s := all[4]; s.err != ErrFileShrank || s.sent != 10 {
				t.Errorf("past the end: %d, %v", s.sent, s.err)
			}
		})
	}
}

func TestParseRung(t *testing.T) {
	for _, name := range RungNames() {
		if r, err := ParseRung(name); err != nil || r.String() != name {
			t.Errorf("%q: %v, %v", name, r, err)
		}
	}
	if r, err := ParseRung(""); r != RungAuto || err != nil {
		t.Errorf("the empty name: %v, %v", r, err)
	}
	for _, name := range []string{"page", "Copy", "mmap", "auto "} {
		_, err := ParseRung(name)
		if !errors.Is(err, ErrUnknownRung) || !strings.Contains(err.Error(), "sendfile") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

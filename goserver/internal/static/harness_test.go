package static

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/direct"
)

// past is when files of tests were changed, unless they say otherwise.
var past = time.Date(2024, 2, 3, 4, 5, 6, 789_000_000, time.UTC)

const pastText = "Sat, 03 Feb 2024 04:05:06 GMT"

// tree writes files, by name and content, into a new directory. A name that ends with
// a slash is a directory.
func tree(t testing.TB, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, content := range files {
		write(t, filepath.Join(dir, filepath.FromSlash(name)), content, strings.HasSuffix(name, "/"))
	}
	return dir
}

func write(t testing.TB, name, content string, isDir bool) {
	t.Helper()
	if isDir {
		check(t, os.MkdirAll(name, 0o755))
		return
	}
	check(t, os.MkdirAll(filepath.Dir(name), 0o755))
	check(t, os.WriteFile(name, []byte(content), 0o644))
	check(t, os.Chtimes(name, past, past))
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A clock is a Site's time.
type clock struct{ now time.Duration }

func (c *clock) read() time.Duration { return c.now }

// site serves dir. Unless the options say otherwise, files are kept from their first
// request on. Variants are made when work says so.
func site(t testing.TB, dir string, o Options) (*Site, *clock) {
	t.Helper()
	if o.AdmitAfter == 0 {
		o.AdmitAfter = 1
	}
	s, err := New("/", dir, o, stopped)
	check(t, err)
	t.Cleanup(func() { s.Close() })
	s.worker = &worker{running: true}
	c := new(clock)
	s.now = func() time.Duration { return c.now }
	return s, c
}

// work makes the variants that s has asked for.
func work(s *Site) {
	s.worker.run()
	s.worker.running = true
}

// An answer is a response as the engine would send it.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends a request of "METHOD target" with field lines through s.
func ask(t testing.TB, s *Site, request string, lines ...string) *answer {
	t.Helper()
	var c direct.Ctx
	req, resp := direct.Describe(&c)
	method, target, _ := strings.Cut(request, " ")
	req.Method = method
	path, query, _ := strings.Cut(target, "?")
	req.Path, req.Query = []byte(path), []byte(query)
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		req.Fields = append(req.Fields, direct.Field{Name: []byte(name), Value: []byte(value)})
	}
	s.Serve(&c)
	a := read(t, resp)
	for _, cl := range resp.Closers {
		check(t, cl.Close())
	}
	if method == "HEAD" {
		a.body = ""
	}
	return a
}

func read(t testing.TB, r *direct.Response) *answer {
	t.Helper()
	a := &answer{status: r.Status, header: make(http.Header)}
	if a.status == 0 {
		a.status = 200
	}
	if p := r.Page; p != nil {
		a.status, a.body = p.Status(), string(p.Body())
		for f := range p.Fields() {
			a.header.Add(f.Name, f.Value)
		}
		return a
	}
	if p := r.Head; p != nil {
		a.status = p.Status()
		for f := range p.Fields() {
			a.header.Add(f.Name, f.Value)
		}
		length := 0
		for i := range r.Segments {
			length += int(r.Segments[i].N)
		}
		if want := "\r\nContent-Length: " + strconv.Itoa(length) + "\r\n"; !strings.Contains(string(p.Bytes()), want) {
			t.Errorf("the head does not tell the length of %d bytes: %q", length, p.Bytes())
		}
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(string(r.Header), "\r\n"), "\r\n") {
		if name, value, ok := strings.Cut(line, ": "); ok {
			a.header.Add(name, value)
		}
	}
	if r.MediaType != "" {
		v := r.MediaType
		if r.Charset != "" {
			v += "; charset=" + r.Charset
		}
		a.header.Set("Content-Type", v)
	}
	var body bytes.Buffer
	body.Write(r.Body)
	for _, g := range r.Segments {
		if g.File == nil {
			body.Write(g.Bytes)
		} else if n, err := io.Copy(&body, io.NewSectionReader(g.File, g.Off, g.N)); err != nil || n != g.N {
			t.Errorf("segment of %d bytes: %d, %v", g.N, n, err)
		}
	}
	a.body = body.String()
	return a
}

// expect compares with a status, a body ("*": any) and header lines, of which
// one with an empty value must not be there.
func (a *answer) expect(t testing.TB, what string, status int, body string, lines ...string) {
	t.Helper()
	if a.status != status || body != "*" && a.body != body {
		t.Errorf("%s: %d %.60q, want %d %.60q", what, a.status, a.body, status, body)
	}
	for _, l := range lines {
		name, want, _ := strings.Cut(l, ": ")
		name = strings.TrimSuffix(name, ":")
		if got := strings.Join(a.header.Values(name), "|"); got != want {
			t.Errorf("%s: %s: %q, want %q", what, name, got, want)
		}
	}
}

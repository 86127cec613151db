package goserver_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
)

// siteTime is when files of these tests were changed.
var siteTime = time.Date(2024, 2, 3, 4, 5, 6, 789, time.UTC)

// siteDir writes files by name into a new directory.
func siteDir(t testing.TB, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, content := range files {
		writeFile(t, filepath.Join(dir, name), content)
	}
	return dir
}

func writeFile(t testing.TB, name, content string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(name), 0o755))
	must(t, os.WriteFile(name, []byte(content), 0o644))
	must(t, os.Chtimes(name, siteTime, siteTime))
}

// serveSite serves a directory and returns the server's URL.
func serveSite(t testing.TB, dir string, o *goserver.StaticOptions) string {
	t.Helper()
	srv := new(goserver.Server)
	must(t, srv.Static("/", dir, o))
	return "http://" + serve(t, srv)
}

// visit sends a request of "METHOD path" with field lines, and follows no redirect.
func visit(t testing.TB, base, request string, lines ...string) (*http.Response, string) {
	t.Helper()
	method, path, _ := strings.Cut(request, " ")
	r, err := http.NewRequest(method, base+path, nil)
	must(t, err)
	r.Header.Set("Accept-Encoding", "identity") // else the client's own
	for _, l := range lines {
		if name, value, ok := strings.Cut(l, ": "); ok {
			r.Header.Set(name, value)
		}
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	must(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(t, err)
	return resp, string(body)
}

// pattern fills a file with bytes that tell their place.
func pattern(size int) string {
	b := make([]byte, 0, size+16)
	for i := 0; len(b) < size; i++ {
		b = fmt.Appendf(b, "%015x\n", i)
	}
	return string(b[:size])
}

// begin asks for a file and reads the head only, so that the kernel's buffers fill
// and the server has to wait.
func begin(t *testing.T, addr, path string) (*http.Response, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	must(t, err)
	t.Cleanup(func() { c.Close() })
	must(t, c.(*net.TCPConn).SetReadBuffer(64<<10))
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
	r := bufio.NewReader(c)
	resp, err := http.ReadResponse(r, nil)
	must(t, err)
	return resp, r
}

const (
	bigSize = 32 << 20 // more than socket buffers hold
	shrunk  = 2 << 20
)

// logLines takes what a log.Logger writes.
type logLines chan string

func (l logLines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

func TestStatic_fileShrinks(t *testing.T) {
	whole := pattern(bigSize)
	dir := siteDir(t, map[string]string{"big.bin": whole, "small.txt": "small"})
	logged := make(logLines, 16)
	srv := &goserver.Server{ErrorLog: log.New(logged, "", 0)}
	must(t, srv.Static("/", dir, nil))
	addr := serve(t, srv)
	resp, r := begin(t, addr, "/big.bin")
	if resp.ContentLength != bigSize {
		t.Fatalf("Content-Length %d", resp.ContentLength)
	}
	// A whole number of pages: of a cut page the kernel clears the rest, even where
	// it is on its way to a client.
	must(t, os.Truncate(filepath.Join(dir, "big.bin"), shrunk))
	got, err := io.ReadAll(resp.Body)
	if !errors.Is(err, io.ErrUnexpectedEOF) || len(got) >= bigSize {
		t.Errorf("%d bytes, %v; want a connection that ends too soon", len(got), err)
	}
	if !strings.HasPrefix(whole, string(got)) {
		t.Error("the body was padded or mixed up")
	}
	if _, err := r.ReadByte(); err == nil {
		t.Error("something follows the body that broke off")
	}
	if line := <-logged; !strings.Contains(line, "big.bin became shorter") {
		t.Errorf("logged: %q", line)
	}
	if resp, body := visit(t, "http://"+addr, "GET /big.bin"); resp.StatusCode != 200 || body != whole[:shrunk] {
		t.Errorf("afterwards: %d, %d bytes", resp.StatusCode, len(body))
	}
}

func TestStatic_fileReplaced(t *testing.T) {
	whole, next := pattern(bigSize), strings.Repeat("new ", 1<<18)
	dir := siteDir(t, map[string]string{"big.bin": whole, "next": next})
	addr := strings.TrimPrefix(serveSite(t, dir, &goserver.StaticOptions{Recheck: -1}), "http://")
	resp, _ := begin(t, addr, "/big.bin")
	must(t, os.Rename(filepath.Join(dir, "next"), filepath.Join(dir, "big.bin")))
	if resp, body := visit(t, "http://"+addr, "GET /big.bin"); body != next || resp.Header.Get("ETag") == "" {
		t.Errorf("new readers get %d bytes", len(body))
	}
	got, err := io.ReadAll(resp.Body)
	if err != nil || string(got) != whole {
		t.Errorf("the old reader got %d bytes, %v, want all %d of the old file", len(got), err, bigSize)
	}
}

// A client that goes away in the middle of a file costs nothing that lasts: the
// descriptor of the file is closed, but for one that is kept open for others
// (goleak watches the goroutines).
func TestStatic_clientLeaves(t *testing.T) {
	dir := siteDir(t, map[string]string{"big.bin": pattern(bigSize)})
	t.Run("not kept", func(t *testing.T) { testLeave(t, dir, &goserver.StaticOptions{OpenFiles: -1}, 0) })
	t.Run("kept", func(t *testing.T) { testLeave(t, dir, nil, 1) })
}

func testLeave(t *testing.T, dir string, o *goserver.StaticOptions, kept int) {
	addr := strings.TrimPrefix(serveSite(t, dir, o), "http://")
	for range 50 {
		c, err := net.Dial("tcp", addr)
		must(t, err)
		fmt.Fprint(c, "GET /big.bin HTTP/1.1\r\nHost: x\r\n\r\n")
		_, err = c.Read(make([]byte, 1000))
		must(t, err)
		must(t, c.(*net.TCPConn).SetLinger(0)) // a reset
		c.Close()
	}
	deadline := time.Now().Add(patience)
	for openDescriptors(t, "/big.bin") > kept {
		if time.Now().After(deadline) {
			t.Fatalf("%d descriptors of the file are open", openDescriptors(t, "/big.bin"))
		}
		time.Sleep(time.Millisecond)
	}
}

// A client that decodes by itself sees the file's content, whatever is sent.
func TestStatic_sidecar(t *testing.T) {
	text := strings.Repeat("some text to be compressed. ", 1000)
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	io.WriteString(w, text)
	must(t, w.Close())
	dir := siteDir(t, map[string]string{"a.txt": text, "a.txt.gz": packed.String(), "b.tar.gz": packed.String()})
	base := serveSite(t, dir, nil)
	for path, want := range map[string]string{"/a.txt": text, "/b.tar.gz": packed.String(), "/a.txt.gz": packed.String()} {
		resp, err := http.Get(base + path)
		must(t, err)
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(body) != want || err != nil || resp.Uncompressed != (path == "/a.txt") {
			t.Errorf("%s: %d bytes, %v, coded: %v", path, len(body), err, resp.Uncompressed)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

// All that is in a tree is found by following links from its root, as wget does.
func TestStatic_crawl(t *testing.T) {
	files := map[string]string{}
	for _, name := range []string{"a b", "100%", "x:y", "a&b", "ä", "<i>", "c++", "#1", "q?", "'", "a%41", "readme", "z.tar.gz", "large"} {
		for _, dir := range []string{"", "d 1/", "d 1/e%/", "f#/", "g&;/h?/"} {
			files[dir+name] = "content of " + dir + name
		}
	}
	files["large"] = pattern(100_000)
	dir := siteDir(t, files)
	must(t, os.Symlink("d 1", filepath.Join(dir, "link")))
	base := serveSite(t, dir, &goserver.StaticOptions{Listing: true})
	seen, found := map[string]bool{}, map[string]string{}
	href := regexp.MustCompile(`<a href="([^"]*)"`)
	var crawl func(at *url.URL)
	crawl = func(at *url.URL) {
		if seen[at.EscapedPath()] {
			return
		}
		seen[at.EscapedPath()] = true
		resp, body := visit(t, base, "GET "+at.EscapedPath())
		if resp.StatusCode != 200 {
			t.Errorf("%s: %d", at, resp.StatusCode)
		}
		if !strings.HasSuffix(at.Path, "/") {
			found[strings.TrimPrefix(at.Path, "/")] = body
			return
		}
		for _, m := range href.FindAllStringSubmatch(body, -1) {
			to, err := at.Parse(m[1])
			must(t, err)
			crawl(to)
		}
	}
	root, err := url.Parse(base + "/")
	must(t, err)
	crawl(root)
	for name, content := range files {
		if found[name] != content {
			t.Errorf("%q: %.40q", name, found[name])
		}
	}
	if want := len(files) + 28; len(found) != want { // two of the directories again, through the link
		t.Errorf("%d files, want %d", len(found), want)
	}
}

func TestStatic_overTLS(t *testing.T) {
	dir := siteDir(t, map[string]string{"big.bin": pattern(1 << 20), "small.txt": "small"})
	std := httptest.NewTLSServer(nil) // for its certificate
	defer std.Close()
	srv := &goserver.Server{TLSConfig: &tls.Config{Certificates: std.TLS.Certificates}}
	must(t, srv.Static("/", dir, nil))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	done := make(chan error, 1)
	go func() { done <- srv.ServeTLS(l, "", "") }()
	client := std.Client()
	for path, want := range map[string]string{"/big.bin": pattern(1 << 20), "/small.txt": "small"} {
		resp, err := client.Get("https://" + l.Addr().String() + path)
		must(t, err)
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(body) != want || err != nil {
			t.Errorf("%s: %d bytes, %v", path, len(body), err)
		}
	}
	client.CloseIdleConnections()
	srv.Close()
	<-done
}

func TestServer_Static(t *testing.T) {
	dir := siteDir(t, map[string]string{"index.html": "home", "a.js": "js"})
	srv := &goserver.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "handler") })}
	for prefix, want := range map[string]error{"assets": goserver.ErrStaticPrefix, "/assets": goserver.ErrStaticPrefix, "": goserver.ErrStaticPrefix, "/{x}/": goserver.ErrStaticPrefix} {
		if err := srv.Static(prefix, dir, nil); !errors.Is(err, want) {
			t.Errorf("%q: %v", prefix, err)
		}
	}
	if err := srv.Static("/x/", filepath.Join(dir, "none"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing directory: %v", err)
	}
	must(t, srv.Static("/assets/", dir, nil))
	must(t, srv.Static("example.com/", dir, &goserver.StaticOptions{CacheControl: func(name string) string { return "max-age=1, " + goserver.StaticCacheControl(name) }}))
	if err := srv.Static("/assets/", dir, nil); err == nil {
		t.Error("a prefix was taken twice")
	}
	must(t, srv.HandleStatic("GET /assets/health", []byte("ok"), "text/plain"))
	base := "http://" + serve(t, srv)
	for path, want := range map[string]string{"/assets/": "home", "/assets/a.js": "js", "/assets/health": "ok", "/other": "handler"} {
		for range 3 { // from the disk, into the cache, from the cache
			if resp, body := visit(t, base, "GET "+path); resp.StatusCode != 200 || body != want {
				t.Errorf("%s: %d %q", path, resp.StatusCode, body)
			}
		}
	}
	r, err := http.NewRequest("GET", base+"/a.js", nil)
	must(t, err)
	r.Host = "example.com"
	resp, err := http.DefaultClient.Do(r)
	must(t, err)
	resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if got := resp.Header.Get("Cache-Control"); got != "max-age=1, public, max-age=3600" {
		t.Errorf("by host: %d, Cache-Control: %q", resp.StatusCode, got)
	}
	if st := srv.StaticStats(); st.Hits != 2 || st.Entries != 2 || st.Bytes == 0 {
		t.Errorf("%+v", st)
	}
}

// A cached file costs no allocation, and its head is right for the connection.
func TestStatic_allocs(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	addr := strings.TrimPrefix(serveSite(t, siteDir(t, map[string]string{"a.js": strings.Repeat("a", 1000)}), nil), "http://")
	c, err := net.Dial("tcp", addr)
	must(t, err)
	defer c.Close()
	request, buf := []byte("GET /a.js HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip, br\r\nUser-Agent: test\r\n\r\n"), make([]byte, 4096)
	exchange := func() {
		if _, err := c.Write(request); err != nil {
			t.Fatal(err)
		}
		if n, err := c.Read(buf); err != nil || !bytes.HasPrefix(buf[:n], []byte("HTTP/1.1 200 OK\r\nContent-Type: text/javascript")) {
			t.Fatalf("%q %v", buf[:n], err)
		}
	}
	for range 100 {
		exchange()
	}
	if n := testing.AllocsPerRun(1000, exchange); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// A route and a file of one path do not meet in a cache, in whatever order they are asked
// for: each has its own way there.
func TestStatic_keys(t *testing.T) {
	dir := siteDir(t, map[string]string{"a.txt": "file", "b.txt": "file"})
	srv := new(goserver.Server)
	must(t, srv.Static("/", dir, &goserver.StaticOptions{AdmitAfter: 1}))
	must(t, srv.Static("/other/", siteDir(t, map[string]string{"b.txt": "other"}), &goserver.StaticOptions{AdmitAfter: 1}))
	must(t, srv.HandleStatic("GET /a.txt", []byte("route"), "text/plain"))
	must(t, srv.HandleStatic("GET /made.txt", []byte("route"), "text/plain"))
	base := "http://" + serve(t, srv)
	for range 3 {
		for path, want := range map[string]string{"/a.txt": "route", "/made.txt": "route", "/b.txt": "file", "/%62.txt": "file", "/other/b.txt": "other"} {
			if resp, body := visit(t, base, "GET "+path); resp.StatusCode != 200 || body != want {
				t.Errorf("%s: %d %q, want %q", path, resp.StatusCode, body, want)
			}
		}
		for path, want := range map[string]int{dir + "/a.txt": 404, "/other/a.txt": 404, "/other/made.txt": 404} {
			if resp, body := visit(t, base, "GET "+path); resp.StatusCode != want {
				t.Errorf("%s: %d %q, want %d", path, resp.StatusCode, body, want)
			}
		}
	}
	if n := srv.StaticStats().Entries; n != 2 {
		t.Errorf("%d entries: a route is in a cache of files", n)
	}
}

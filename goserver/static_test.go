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
	"slices"
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

// With http.FileServer we agree on what a file, a range and a date are.
func TestStatic_asFileServer(t *testing.T) {
	dir := siteDir(t, map[string]string{
		"index.html": "<p>home", "d/index.html": "<p>d", "d/a b.txt": "spaced", "ten.txt": "0123456789", "large.bin": strings.Repeat("0123456789", 20_000), "empty.txt": "", "x.css": "body{}",
	})
	ours := serveSite(t, dir, nil)
	std := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer std.Close()
	const last, before, after = "Sat, 03 Feb 2024 04:05:06 GMT", "Fri, 02 Feb 2024 04:05:06 GMT", "Sun, 04 Feb 2024 04:05:06 GMT"
	lines := []string{
		"X-None: x", "Range: bytes=0-3", "Range: bytes=4-", "Range: bytes=-2", "Range: bytes=-99999999", "Range: bytes=9-99999999", "Range: bytes=99999999-", "Range: bytes=0-0,4-5",
		"Range: bytes=99999999-,1-2", "Range: bytes=0-99999999", "If-Modified-Since: " + last, "If-Modified-Since: " + before, "If-Modified-Since: " + after, "If-Modified-Since: never", "If-Unmodified-Since: " + last,
		"If-Unmodified-Since: " + before, "If-Unmodified-Since: " + after, "If-None-Match: *", `If-None-Match: "other"`, "If-Match: *", `If-Match: "other"`,
		"If-Range: " + last + "|Range: bytes=1-2", "If-Range: " + before + "|Range: bytes=1-2", `If-Range: "other"|Range: bytes=1-2`,
		"If-None-Match: *|Range: bytes=1-2", `If-None-Match: "other"|If-Modified-Since: ` + after, "If-Match: *|If-Unmodified-Since: " + before,
	}
	n := 0
	for _, path := range []string{"/", "/ten.txt", "/large.bin", "/empty.txt", "/x.css", "/d", "/d/", "/d/a%20b.txt", "/none.txt", "/d/none/"} {
		for _, method := range []string{"GET", "HEAD"} {
			for _, line := range lines {
				if method == "HEAD" && strings.Contains(line, "Range") || path == "/empty.txt" && strings.Contains(line, "=-") {
					continue // see TestStatic_unlikeFileServer
				}
				n++
				what := method + " " + path + " " + line
				a, aBody := visit(t, ours, method+" "+path, strings.Split(line, "|")...)
				b, bBody := visit(t, std.URL, method+" "+path, strings.Split(line, "|")...)
				if a.StatusCode != b.StatusCode {
					t.Errorf("%s: %d, net/http %d", what, a.StatusCode, b.StatusCode)
					continue
				}
				names := []string{"Content-Range", "Content-Type", "Last-Modified", "Accept-Ranges", "Content-Length"}
				switch {
				case a.StatusCode == 304: // see TestStatic_unlikeFileServer
					names = names[:1]
				case a.StatusCode >= 400: // the words of an error are everyone's own
					names, aBody, bBody = names[:1], "", ""
				case strings.HasPrefix(a.Header.Get("Content-Type"), "multipart/"): // boundaries are random
					names = names[2:4]
					aBody, bBody = parts(t, a, aBody), parts(t, b, bBody)
				case a.StatusCode == 301:
					names = nil
					if resolve(t, ours, path, a) != resolve(t, std.URL, path, b) {
						t.Errorf("%s: to %s, net/http %s", what, a.Header.Get("Location"), b.Header.Get("Location"))
					}
				}
				for _, name := range names {
					if av, bv := a.Header.Get(name), b.Header.Get(name); av != bv {
						t.Errorf("%s: %s: %q, net/http %q", what, name, av, bv)
					}
				}
				if aBody != bBody {
					t.Errorf("%s: body %.50q, net/http %.50q", what, aBody, bBody)
				}
			}
		}
	}
	t.Logf("%d requests", n)
}

// parts returns a multipart body with its boundary taken out.
func parts(t *testing.T, r *http.Response, body string) string {
	t.Helper()
	_, boundary, ok := strings.Cut(r.Header.Get("Content-Type"), "boundary=")
	if !ok {
		t.Error(r.Header)
	}
	// net/http writes the fields of a part in the order of their names, as we do not.
	lines := strings.Split(strings.ReplaceAll(body, boundary, "B"), "\r\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func resolve(t *testing.T, base, path string, r *http.Response) string {
	t.Helper()
	u, err := url.Parse(base + path)
	must(t, err)
	u, err = u.Parse(r.Header.Get("Location"))
	must(t, err)
	return u.RequestURI()
}

// Where we mean to differ from http.FileServer.
func TestStatic_unlikeFileServer(t *testing.T) {
	dir := siteDir(t, map[string]string{"index.html": "home", "ten.txt": "0123456789", "d/x.txt": "x", ".env": "secret", "empty.txt": "", "upload": "<html><script>alert(1)</script>"})
	ours := serveSite(t, dir, nil)
	std := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer std.Close()
	for _, tc := range []struct {
		why, request, line string
		ours, std          int
	}{
		{"index files are files like others", "GET /index.html", "", 200, 301},
		{"a file is no directory", "GET /ten.txt/", "", 404, 301},
		{"directories are listed when that is asked for", "GET /d/", "", 404, 200},
		{"dotfiles are hidden", "GET /.env", "", 404, 200},
		{"files take no POST (RFC 9110 §15.5.6)", "POST /ten.txt", "", 405, 200},
		{"nor DELETE", "DELETE /ten.txt", "", 405, 200},
		{"OPTIONS tells the methods (RFC 9110 §9.3.7)", "OPTIONS /ten.txt", "", 204, 200},
		{"Range is for GET (RFC 9110 §14.2)", "HEAD /ten.txt", "Range: bytes=0-1", 200, 206},
		{"a malformed Range is ignored (RFC 9110 §14.2 allows both)", "GET /ten.txt", "Range: bytes=5-4", 200, 416},
		{"nothing has no last bytes (RFC 9110 §14.4 has no form for them)", "GET /empty.txt", "Range: bytes=-2", 200, 206},
		{"an unknown unit is ignored (RFC 9110 §14.2: MUST)", "GET /ten.txt", "Range: lines=1-2", 200, 416},
		{"three overlapping ranges are abuse (RFC 9110 §14.2)", "GET /ten.txt", "Range: bytes=0-1,1-2,1-1", 200, 206},
		{"no coding is acceptable (RFC 9110 §12.5.3)", "GET /ten.txt", "Accept-Encoding: identity;q=0", 406, 200},
		{"an escaped slash is none", "GET /d%2fx.txt", "", 404, 200},
	} {
		a, _ := visit(t, ours, tc.request, tc.line)
		b, _ := visit(t, std.URL, tc.request, tc.line)
		if a.StatusCode != tc.ours || b.StatusCode != tc.std {
			t.Errorf("%s: %s %s: %d, want %d; net/http %d, want %d", tc.why, tc.request, tc.line, a.StatusCode, tc.ours, b.StatusCode, tc.std)
		}
	}
	a, _ := visit(t, ours, "GET /ten.txt")
	tag := a.Header.Get("ETag")
	if tag == "" || a.Header.Get("Cache-Control") == "" {
		t.Errorf("no ETag or Cache-Control: %v", a.Header)
	}
	if a, _ := visit(t, ours, "GET /ten.txt", "If-None-Match: "+tag); a.StatusCode != 304 || a.Header.Get("Last-Modified") != "" || a.Header.Get("ETag") != tag {
		t.Errorf("a 304 has the tag and no representation metadata beside it (RFC 9110 §15.4.5): %d %v", a.StatusCode, a.Header)
	}
	for base, want := range map[string]string{ours: "text/plain; charset=utf-8", std.URL: "text/html; charset=utf-8"} {
		if a, _ := visit(t, base, "GET /upload"); a.Header.Get("Content-Type") != want {
			t.Errorf("what has no extension is never taken for HTML by us: %q, want %q", a.Header.Get("Content-Type"), want)
		}
	}
}

func TestStatic_hostilePaths(t *testing.T) {
	const secret = "TOP-SECRET"
	dir := siteDir(t, map[string]string{"secret.txt": secret, "root/index.html": "home", "root/d/x.txt": "x", "root/.env": secret})
	must(t, os.Symlink("../secret.txt", filepath.Join(dir, "root/link.txt")))
	must(t, os.Symlink("..", filepath.Join(dir, "root/up")))
	srv := &goserver.Server{Handler: http.NotFoundHandler()} // for paths that are not clean
	must(t, srv.Static("/", filepath.Join(dir, "root"), &goserver.StaticOptions{Listing: true, SPA: "index.html"}))
	addr := serve(t, srv)
	targets := []string{"/link.txt", "/up/secret.txt", "/up/root/index.html", "/.env", "/%2eenv", "//evil.example/..", "//evil.example/%2e%2e", "/d//..//../secret.txt", "http://x/../secret.txt", "/secret.txt%00", "*", "secret.txt"}
	for _, dots := range []string{"..", "%2e%2e", ".%2e", "%2E.", "%252e%252e", "%c0%ae%c0%ae", "%uff0e%uff0e", "..%00", "....", "..;", ". ."} {
		for _, sep := range []string{"/", "%2f", "\\", "%5c", "%c0%af", "%255c", "//", "%252f"} {
			up := strings.Repeat(dots+sep, 2)
			targets = append(targets, "/"+dots+sep+"secret.txt", "/d/"+up+"secret.txt", "/"+strings.Repeat(up, 4)+"etc/passwd", sep+dots+sep+"secret.txt", "/d"+sep+up+"secret.txt")
		}
	}
	for _, target := range targets {
		for _, version := range []string{"1.0", "1.1"} {
			c, err := net.Dial("tcp", addr)
			must(t, err)
			fmt.Fprintf(c, "GET %s HTTP/%s\r\nHost: x\r\nConnection: close\r\nAccept: application/json\r\n\r\n", target, version)
			answer, err := io.ReadAll(c)
			c.Close()
			status := 0
			fmt.Sscanf(string(answer), "HTTP/1.1 %d", &status)
			if status == 0 {
				fmt.Sscanf(string(answer), "HTTP/1.0 %d", &status)
			}
			if status != 404 && status != 400 || err != nil || bytes.Contains(answer, []byte(secret)) || bytes.Contains(answer, []byte("root:")) {
				t.Errorf("%q: %d %v: %.200q", target, status, err, answer)
			}
		}
	}
	t.Logf("%d targets", len(targets))
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
	addr := strings.TrimPrefix(serveSite(t, dir, nil), "http://")
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
// descriptor of the file is closed (goleak watches the goroutines).
func TestStatic_clientLeaves(t *testing.T) {
	dir := siteDir(t, map[string]string{"big.bin": pattern(bigSize)})
	addr := strings.TrimPrefix(serveSite(t, dir, nil), "http://")
	open := func() (n int) {
		fds, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip("no /proc")
		}
		for _, fd := range fds {
			if to, _ := os.Readlink("/proc/self/fd/" + fd.Name()); strings.HasSuffix(to, "/big.bin") {
				n++
			}
		}
		return n
	}
	for range 50 {
		c, err := net.Dial("tcp", addr)
		must(t, err)
		fmt.Fprint(c, "GET /big.bin HTTP/1.1\r\nHost: x\r\n\r\n")
		_, err = c.Read(make([]byte, 1000))
		must(t, err)
		must(t, c.(*net.TCPConn).SetLinger(0)) // a reset
		c.Close()
	}
	deadline := time.Now().Add(20 * time.Second)
	for open() > 0 {
		if time.Now().After(deadline) {
			t.Fatalf("%d descriptors of the file are open", open())
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
	for prefix, want := range map[string]error{"assets": goserver.ErrStaticOption, "/assets": goserver.ErrStaticOption, "": goserver.ErrStaticOption, "/{x}/": goserver.ErrStaticOption} {
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
		for range 2 {
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
	if st := srv.StaticStats(); st.Hits != 2 || st.Entries != 3 || st.Bytes == 0 {
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

package goserver_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/hyperion-server/hyperion/goserver"
)

// fileServer returns a server that answers with the file name in ways that reach
// the rungs: a direct route at /direct, a static site without a cache at
// /static/, and handlers of net/http at /content and /files/.
func fileServer(t testing.TB, srv *goserver.Server, path string) *goserver.Server {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	info, err := f.Stat()
	must(t, err)
	t.Cleanup(func() { f.Close() })
	must(t, srv.Handle("GET /direct", func(c *goserver.Ctx) { c.SendFile(f, 0, info.Size()) }))
	must(t, srv.Static("/static/", filepath.Dir(path), &goserver.StaticOptions{MaxCachedFile: -1}))
	mux := http.NewServeMux()
	mux.Handle("/files/", http.StripPrefix("/files/", http.FileServer(http.Dir(filepath.Dir(path)))))
	mux.HandleFunc("/content", func(w http.ResponseWriter, r *http.Request) {
		f, err := os.Open(path)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		http.ServeContent(w, r, path, info.ModTime(), f)
	})
	mux.HandleFunc("/copy", func(w http.ResponseWriter, r *http.Request) { // without a type: it is sniffed
		f, err := os.Open(path)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		w.Header().Set("Content-Length", strconv.FormatInt(info.Size(), 10))
		io.Copy(w, f)
	})
	srv.Handler = mux
	return srv
}

func TestFileRung(t *testing.T) {
	const big, middle, small = 300_000, 40_000, 6000
	dir := t.TempDir()
	files := map[int]string{}
	for _, size := range []int{big, middle, small} {
		files[size] = filepath.Join(dir, strconv.Itoa(size)+".bin")
		writeFile(t, files[size], pattern(size))
	}
	linux := runtime.GOOS == "linux"
	for _, c := range []struct {
		rung               string
		big, middle, small string // the rungs that are used, on Linux
	}{
		{"", "sendfile", "sendfile", "small"},
		{"auto", "sendfile", "sendfile", "small"},
		{"small", "copy", "small", "small"},
		{"sendfile", "sendfile", "sendfile", "sendfile"},
		{"splice", "splice", "splice", "splice"},
		{"copy", "copy", "copy", "copy"},
	} {
		for size, used := range map[int]string{big: c.big, middle: c.middle, small: c.small} {
			t.Run(fmt.Sprint(c.rung, "/", size), func(t *testing.T) {
				srv := fileServer(t, &goserver.Server{FileRung: c.rung}, files[size])
				addr := serve(t, srv)
				name := filepath.Base(files[size])
				paths := []string{"/direct", "/static/" + name, "/files/" + name, "/content", "/copy"}
				for _, path := range paths {
					resp, body := visit(t, "http://"+addr, "GET "+path)
					if resp.StatusCode != 200 || body != pattern(size) || resp.ContentLength != int64(size) {
						t.Errorf("%s: %d, %d bytes, Content-Length %d", path, resp.StatusCode, len(body), resp.ContentLength)
					}
				}
				if !linux && (used != "small" || size > 16<<10) { // what is short gathers before a connection is asked
					used = "copy"
				}
				want := map[string]int64{"page": 0, "small": 0, "splice": 0, "sendfile": 0, "copy": 0}
				want[used] = int64(len(paths))
				poll(t, fmt.Sprint("counts to be ", want), func() bool { return maps.Equal(srv.Stats().FileResponses, want) })
			})
		}
	}
}

func TestFileRung_TLS(t *testing.T) {
	cert, pool := certificate(t)
	path := filepath.Join(t.TempDir(), "big.bin")
	writeFile(t, path, pattern(300_000))
	for _, rung := range []string{"", "sendfile", "splice"} {
		conf := &tls.Config{Certificates: []tls.Certificate{cert}}
		srv := fileServer(t, &goserver.Server{FileRung: rung, TLSConfig: conf, KTLS: goserver.KTLSOff}, path)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		done := make(chan error, 1)
		go func() { done <- srv.ServeTLS(l, "", "") }()
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: pool}}}
		for _, path := range []string{"/direct", "/content"} {
			resp, err := client.Get("https://" + l.Addr().String() + path)
			must(t, err)
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || string(body) != pattern(300_000) {
				t.Errorf("%s: %d bytes, %v", path, len(body), err)
			}
		}
		poll(t, "both to be counted as copies", func() bool { return srv.Stats().FileResponses["copy"] == 2 })
		srv.Close()
		<-done
	}
}

func TestFileRung_unknown(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	err = (&goserver.Server{FileRung: "mmap"}).Serve(l)
	if !errors.Is(err, goserver.ErrFileRung) {
		t.Fatalf("Serve: %v, want ErrFileRung", err)
	}
	for _, part := range []string{"Server.FileRung", `"mmap"`, "auto, small, splice, sendfile, copy"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q lacks %q", err, part)
		}
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is open: %v", err)
	}
}

// A short file that has become shorter costs neither the responses before it
// on the connection nor their order, and is not padded.
func TestFile_shrunkWhileGathering(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	writeFile(t, path, "short")
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	logged := make(logLines, 1)
	srv := &goserver.Server{ErrorLog: log.New(logged, "", 0)}
	must(t, srv.Handle("GET /", func(c *goserver.Ctx) { c.SendFile(f, 0, 100) }))
	must(t, srv.HandleStatic("GET /page", []byte("page"), "text/plain"))
	c, err := net.Dial("tcp", serve(t, srv))
	must(t, err)
	defer c.Close()
	io.WriteString(c, ask("GET /page HTTP/1.1")+ask("GET / HTTP/1.1")+ask("GET /page HTTP/1.1"))
	all, err := io.ReadAll(c)
	must(t, err)
	if !bytes.HasSuffix(all, []byte("\r\n\r\nshort")) || bytes.Count(all, []byte("HTTP/1.1 200")) != 2 || !bytes.Contains(all, []byte("\r\n\r\npageHTTP")) {
		t.Errorf("got %q", all)
	}
	if line := receive(t, "log line", logged); !strings.Contains(line, path+" became shorter") {
		t.Errorf("logged %q", line)
	}
}

// Clients that leave in the middle of files leave no descriptor behind, of the
// file or of a pipe, and nothing of their files to others.
func TestFile_aborted(t *testing.T) {
	const size, workers, rounds = 1 << 20, 10, 50 // of each rung 500 transfers that end early
	dir := t.TempDir()
	content := func(i int) string { return strings.Repeat(string(rune('a'+i)), size) }
	for i := range workers {
		writeFile(t, filepath.Join(dir, fmt.Sprint(i)), content(i))
	}
	for _, rung := range []string{"sendfile", "splice"} {
		t.Run(rung, func(t *testing.T) {
			quiet(t)
			before := measure(t)
			srv := &goserver.Server{FileRung: rung}
			must(t, srv.Static("/", dir, &goserver.StaticOptions{MaxCachedFile: -1, OpenFiles: -1}))
			l, err := net.Listen("tcp", "127.0.0.1:0")
			must(t, err)
			done := make(chan error, 1)
			go func() { done <- srv.Serve(l) }()
			results := make(chan error, workers)
			for i := range workers {
				go func() { results <- abortSome(l.Addr().String(), i, rounds, content(i)) }()
			}
			for range workers {
				if err := <-results; err != nil {
					t.Error(err)
				}
			}
			poll(t, "the transfers to end", func() bool { return srv.Stats().Conns == 0 })
			srv.Close()
			<-done
			poll(t, "descriptors to be closed", func() bool { return measure(t).descriptors <= before.descriptors })
		})
	}
}

// abortSome begins downloads of file i and leaves in the middle; after each, it
// downloads the file whole and compares.
func abortSome(addr string, i, rounds int, content string) error {
	for round := range rounds {
		for _, whole := range []bool{false, round%10 == 0} {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				return err
			}
			fmt.Fprintf(c, "GET /%d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", i)
			r := bufio.NewReader(c)
			if !whole {
				r.Discard(1 + round*1000)
				c.(*net.TCPConn).SetLinger(0) // a reset
				c.Close()
				continue
			}
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				return err
			}
			body, err := io.ReadAll(resp.Body)
			if err == nil && string(body) != content {
				err = fmt.Errorf("file %d: %d bytes, or others", i, len(body))
			}
			c.Close()
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// Ranges reach beyond 4 GiB.
func TestFile_huge(t *testing.T) {
	dir := t.TempDir()
	w, err := os.Create(filepath.Join(dir, "huge"))
	must(t, err)
	const size = 5<<30 + 123
	mark := "the end of a large file"
	if _, err = w.WriteAt([]byte(mark), size-int64(len(mark))); err != nil {
		t.Skip("no sparse files: ", err)
	}
	must(t, w.Close())
	for _, rung := range []string{"", "sendfile", "splice", "copy"} {
		srv := &goserver.Server{FileRung: rung}
		must(t, srv.Static("/", dir, nil))
		base := "http://" + serve(t, srv)
		resp, body := visit(t, base, "GET /huge", fmt.Sprintf("Range: bytes=%d-", int64(size-200_000)))
		if resp.StatusCode != 206 || len(body) != 200_000 || !strings.HasSuffix(body, "\x00"+mark) {
			t.Errorf("%q: %d, %d bytes", rung, resp.StatusCode, len(body))
		}
		resp, body = visit(t, base, "GET /huge", "Range: bytes=4294967290-4294967301")
		if resp.Header.Get("Content-Range") != fmt.Sprintf("bytes 4294967290-4294967301/%d", int64(size)) || body != strings.Repeat("\x00", 12) {
			t.Errorf("%q: %v, %d bytes", rung, resp.Header, len(body))
		}
		if resp, _ := visit(t, base, "HEAD /huge"); resp.ContentLength != size {
			t.Errorf("%q: Content-Length %d", rung, resp.ContentLength)
		}
	}
}

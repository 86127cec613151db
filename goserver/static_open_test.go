package goserver_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
)

// Responses with a prebuilt head and a file as the body stand in a row with others,
// in the form that each request wants.
func TestStatic_openFiles(t *testing.T) {
	whole := pattern(100 << 10)
	dir := siteDir(t, map[string]string{"big.bin": whole, "small.bin": "small", "empty.bin": ""})
	for name, o := range map[string]*goserver.StaticOptions{
		"kept": nil, "not kept": {OpenFiles: -1}, "one kept": {OpenFiles: 1}, "no pages": {MaxCachedFile: -1}, "neither": {MaxCachedFile: -1, OpenFiles: -1},
	} {
		c, err := net.Dial("tcp", strings.TrimPrefix(serveSite(t, dir, o), "http://"))
		must(t, err)
		defer c.Close()
		r := bufio.NewReader(c)
		ask := func(pipelined ...string) {
			for _, request := range pipelined {
				line, fields, _ := strings.Cut(request, "|")
				fmt.Fprintf(c, "%s\r\nHost: x\r\n%s\r\n", line, fields)
			}
			for _, request := range pipelined {
				method, rest, _ := strings.Cut(request, " ")
				path, rest, _ := strings.Cut(rest, " ")
				want, status := map[string]string{"/big.bin": whole, "/small.bin": "small", "/empty.bin": ""}[path], 200
				if strings.Contains(rest, "Range") {
					want, status = want[1:3], 206
				}
				resp, err := http.ReadResponse(r, &http.Request{Method: method})
				if err != nil {
					t.Fatalf("%s: %s: %v", name, request, err)
				}
				length := int64(len(want))
				if method == "HEAD" {
					want = ""
				}
				body, err := io.ReadAll(resp.Body)
				if err != nil || resp.StatusCode != status || string(body) != want || resp.ContentLength != length {
					t.Errorf("%s: %s: %d, %d bytes of %d, %v", name, request, resp.StatusCode, len(body), resp.ContentLength, err)
				}
				if d, err := http.ParseTime(resp.Header.Get("Date")); err != nil || time.Since(d) > time.Hour {
					t.Errorf("%s: %s: Date %v, %v", name, request, d, err)
				}
				if want := strings.HasSuffix(rest, "close\r\n"); resp.Close != want {
					t.Errorf("%s: %s: the connection closes: %v", name, request, resp.Close)
				}
				if want := "HTTP/1." + rest[len("HTTP/1."):][:1]; resp.Proto != want {
					t.Errorf("%s: %s: %s, want %s", name, request, resp.Proto, want)
				}
			}
		}
		ask("GET /big.bin HTTP/1.1|")
		ask("GET /big.bin HTTP/1.1|", "GET /small.bin HTTP/1.1|", "HEAD /big.bin HTTP/1.1|", "GET /small.bin HTTP/1.1|", "GET /small.bin HTTP/1.1|",
			"GET /empty.bin HTTP/1.1|", "GET /big.bin HTTP/1.1|Range: bytes=1-2\r\n", "HEAD /small.bin HTTP/1.1|", "GET /big.bin HTTP/1.1|", "GET /small.bin HTTP/1.1|Range: bytes=1-2\r\n")
		ask("GET /big.bin HTTP/1.0|Connection: keep-alive\r\n", "GET /big.bin HTTP/1.1|Connection: close\r\n")
		if _, err := r.ReadByte(); err != io.EOF {
			t.Errorf("%s: after the last response: %v", name, err)
		}
	}
}

// A file that is evicted, replaced and removed while a client is slow arrives whole, and
// is closed afterwards.
func TestStatic_openFileEvicted(t *testing.T) {
	whole := pattern(bigSize)
	dir := siteDir(t, map[string]string{"big.bin": whole, "a.bin": whole[:100<<10], "b.bin": whole[:100<<10]})
	base := serveSite(t, dir, &goserver.StaticOptions{OpenFiles: 1, Recheck: -1})
	resp, _ := begin(t, strings.TrimPrefix(base, "http://"), "/big.bin")
	for range 10 {
		visit(t, base, "GET /a.bin")
		visit(t, base, "GET /b.bin")
	}
	must(t, os.Remove(filepath.Join(dir, "big.bin")))
	if resp, _ := visit(t, base, "GET /big.bin"); resp.StatusCode != 404 {
		t.Errorf("removed: %d", resp.StatusCode)
	}
	if got, err := io.ReadAll(resp.Body); err != nil || string(got) != whole {
		t.Errorf("the slow client got %d bytes, %v", len(got), err)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		switch n := openDescriptors(t, "/big.bin (deleted)"); {
		case n == 0:
			return
		case time.Now().After(deadline):
			t.Fatalf("%d descriptors of the file are open", n)
		}
	}
}

// openDescriptors counts those of files whose name ends with suffix.
func openDescriptors(t *testing.T, suffix string) (n int) {
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc")
	}
	for _, fd := range fds {
		if to, _ := os.Readlink("/proc/self/fd/" + fd.Name()); strings.HasSuffix(to, suffix) {
			n++
		}
	}
	return n
}

func TestStaticOpening(t *testing.T) {
	if how := goserver.StaticOpening(); how != "openat2" && !strings.HasPrefix(how, "os.Root") {
		t.Error(how)
	}
}

package load

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
)

func TestCheck(t *testing.T) {
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/status":
			w.WriteHeader(http.StatusNotFound)
		case "/type":
			w.Header()["Content-Type"] = nil
		case "/date":
			w.Header()["Date"] = nil
		case "/coded":
			w.Header().Set("Content-Encoding", "gzip")
		case "/chunked":
			w.(http.Flusher).Flush()
		case "/size":
			w.Write([]byte("!"))
		}
		hello(w, r)
	})
	target.Body = []byte("hello")
	for path, want := range map[string]error{
		"/": nil, "/status": errStatus, "/type": errField, "/date": errField, "/coded": errCoding, "/chunked": errSize, "/size": errSize,
	} {
		target.Path = path
		if n, err := Check(target); !errors.Is(err, want) || err == nil && n != 5 {
			t.Errorf("%s: %d, %v, want %v", path, n, err, want)
		}
	}
	target.Path, target.Body = "/", []byte("Hello")
	if _, err := Check(target); !errors.Is(err, errBody) {
		t.Errorf("another body: %v, want errBody", err)
	}
}

func coded(coding string) []byte {
	var b bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&b)
	if coding == "br" {
		w = brotli.NewWriter(&b)
	}
	w.Write([]byte("hello"))
	w.Close()
	return b.Bytes()
}

func TestCheck_coded(t *testing.T) {
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		coding := r.Header.Get("Accept-Encoding")
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Encoding", coding)
		w.Write(coded(strings.TrimPrefix(r.URL.Path, "/")))
	})
	target.Body = []byte("hello")
	for _, c := range []struct {
		coding, is string
		want       error
	}{{"gzip", "gzip", nil}, {"br", "br", nil}, {"gzip", "br", errBody}, {"br", "gzip", errBody}} {
		target.Path, target.Coding, target.Fields = "/"+c.is, c.coding, []string{"Accept-Encoding: " + c.coding}
		if n, err := Check(target); !errors.Is(err, c.want) || err == nil && n != int64(len(coded(c.is))) {
			t.Errorf("%s that is %s: %d, %v; want %v", c.coding, c.is, n, err, c.want)
		}
	}
}

func TestAwaitCoded(t *testing.T) {
	var asked atomic.Int64
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) < 3 {
			hello(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(coded("gzip"))
	})
	target.Coding, target.Body = "gzip", []byte("hello")
	if n, err := AwaitCoded(t.Context(), target); err != nil || n != int64(len(coded("gzip"))) || asked.Load() != 3 {
		t.Errorf("%d, %v, after %d requests; want 3", n, err, asked.Load())
	}
	target.Coding = "br"
	target.Status = http.StatusTeapot
	if _, err := AwaitCoded(t.Context(), target); !errors.Is(err, errStatus) {
		t.Errorf("another error: %v, want errStatus at once", err)
	}
}

// The server below is net/http's own for files.
func TestCheck_conditionAndRange(t *testing.T) {
	modified := time.Unix(1_700_000_000, 0)
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		http.ServeContent(w, r, "a.txt", modified, strings.NewReader("hello, world"))
	})
	fields, err := Conditions(target)
	if want := []string{`If-None-Match: "1"`, "If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT"}; err != nil || !slices.Equal(fields, want) {
		t.Fatalf("%q, %v; want %q", fields, err, want)
	}
	changed := target
	changed.Fields, changed.Status, changed.Size = fields, http.StatusNotModified, 0
	if _, err := Check(changed); err != nil {
		t.Error(err)
	}
	part := target
	part.Fields, part.Status, part.Body = []string{"Range: bytes=7-11"}, http.StatusPartialContent, []byte("world")
	if _, err := Check(part); err != nil {
		t.Error(err)
	}
	if _, err := Conditions(serve(t, hello)); !errors.Is(err, errField) {
		t.Errorf("no validator: %v, want errField", err)
	}
}

func TestHeadSize(t *testing.T) {
	target := serve(t, hello)
	n, err := HeadSize(target)
	if err != nil || n < len("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n") || n > 200 {
		t.Errorf("%d, %v", n, err)
	}
	target.Path = "/missing"
	if _, err := HeadSize(serve(t, http.NotFound)); !errors.Is(err, errStatus) {
		t.Errorf("404: %v, want errStatus", err)
	}
}

func TestRandomSite(t *testing.T) {
	files := RandomSite()
	if !slices.Equal(files, RandomSite()) {
		t.Error("not the same twice")
	}
	names := map[string]bool{}
	for _, f := range files {
		names[f.Name] = true
		if f.Size < RandomMinSize || f.Size > RandomMaxSize {
			t.Fatalf("%+v", f)
		}
	}
	if len(names) != RandomFiles {
		t.Errorf("%d names, want %d", len(names), RandomFiles)
	}
}

// Of a hundred things the first one has 1/5.187 of the choices by Zipf's law,
// the second one half of that.
func TestZipf(t *testing.T) {
	chosen := zipf(100)
	if !slices.Equal(chosen, zipf(100)) {
		t.Error("not the same twice")
	}
	var count [100]float64
	for _, k := range chosen {
		count[k]++
	}
	first := float64(len(chosen)) / 5.187
	for k, n := range count {
		if want := first / float64(k+1); n < 0.9*want || n > 1.1*want {
			t.Errorf("thing %d: chosen %.0f times, want about %.0f", k, n, want)
		}
	}
}

func TestRandom(t *testing.T) {
	sizes := map[string]int64{}
	for _, f := range RandomSite() {
		sizes["/d/"+f.Name] = f.Size
	}
	var wrong atomic.Int64
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		size, ok := sizes[r.URL.Path]
		if !ok {
			wrong.Add(1)
		}
		w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
		w.Write(make([]byte, size))
	})
	target.Path = "/d/"
	r := longer(t, func(d time.Duration) (Result, error) { return Random(t.Context(), target, 4, 0, d, self) })
	if r.Errors != 0 || wrong.Load() != 0 || r.Bytes < r.Requests*RandomMinSize {
		t.Errorf("%+v; %d wrong paths", r, wrong.Load())
	}
}

package goserver_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/hyperion-server/hyperion/goserver"
)

// Whatever way a handler copies a file, the client gets its bytes, and the file
// stands behind what was sent, where the handler's own reads would go on.
func TestReadFromFile(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 40_000)
	path := filepath.Join(t.TempDir(), "f.txt")
	must(t, os.WriteFile(path, content, 0o600))
	const skip = 1000
	copies := map[string]func(io.Writer, *os.File) (int64, error){
		"io.Copy":      func(w io.Writer, f *os.File) (int64, error) { return io.Copy(w, f) },
		"io.CopyN":     func(w io.Writer, f *os.File) (int64, error) { return io.CopyN(w, f, int64(len(content)-skip)) },
		"ReadFrom":     func(w io.Writer, f *os.File) (int64, error) { return w.(io.ReaderFrom).ReadFrom(f) },
		"File.WriteTo": func(w io.Writer, f *os.File) (int64, error) { return f.WriteTo(w) },
	}
	for name, copyFile := range copies {
		for _, known := range []bool{true, false} {
			t.Run(name+"/length known "+strconv.FormatBool(known), func(t *testing.T) {
				addr := serve(t, &goserver.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					f, err := os.Open(path)
					if err != nil {
						t.Error(err)
						return
					}
					defer f.Close()
					f.Seek(skip, io.SeekStart)
					w.Header().Set("Content-Type", "text/plain")
					if known {
						w.Header().Set("Content-Length", strconv.Itoa(len(content)-skip))
					}
					if n, err := copyFile(w, f); n != int64(len(content)-skip) || err != nil {
						t.Errorf("copied %d, %v", n, err)
					}
					if at, _ := f.Seek(0, io.SeekCurrent); at != int64(len(content)) {
						t.Errorf("the file stands at %d", at)
					}
				})})
				conn, err := net.Dial("tcp", addr)
				must(t, err)
				defer conn.Close()
				io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
				all, err := io.ReadAll(conn)
				must(t, err)
				_, body, _ := bytes.Cut(all, []byte("\r\n\r\n"))
				if known && !bytes.Equal(body, content[skip:]) {
					t.Errorf("got %d bytes, want %d", len(body), len(content)-skip)
				}
				if !known && !bytes.Contains(all[:300], []byte("chunked")) {
					t.Errorf("not chunked: %q", all[:300])
				}
			})
		}
	}
}

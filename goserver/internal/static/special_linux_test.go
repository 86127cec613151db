package static

import (
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// specialFiles makes files that are not regular. Opening the FIFO would block.
func specialFiles(t *testing.T) map[string]func(name string) {
	return map[string]func(string){
		"fifo": func(name string) { check(t, syscall.Mkfifo(name, 0o644)) },
		"socket": func(name string) {
			l, err := net.Listen("unix", name)
			check(t, err)
			t.Cleanup(func() { l.Close() })
		},
	}
}

// A file may come back with the time, size and even number of the one before it: removed
// and unpacked again, or written in place by a tool that restores the time.
func TestSite_noticesRestoredTimes(t *testing.T) {
	dir := tree(t, map[string]string{"x": "one"})
	s, now := site(t, dir, Options{})
	old := ask(t, s, "GET /x")
	for range 1000 { // until the file system's clock has ticked
		write(t, filepath.Join(dir, "x"), "two", false)
		now.now += time.Hour
		if a := ask(t, s, "GET /x"); a.body == "two" {
			if a.header.Get("ETag") == old.header.Get("ETag") {
				t.Error("the ETag is that of the old content")
			}
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Error("the old content is sent for ever")
}

package static

import (
	"net"
	"syscall"
	"testing"
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

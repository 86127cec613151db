//go:build linux && cgo && !purego

package pagewrite

import (
	"bytes"
	"syscall"
	"testing"
)

func pair(t *testing.T) (a, b int) {
	t.Helper()
	p, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(p[0]); syscall.Close(p[1]) })
	return p[0], p[1]
}

// The callers' tests, in netio, run the unit beside its Go twin. These are about
// what only the binding can get wrong.
func TestPages(t *testing.T) {
	date := [29]byte(bytes.Repeat([]byte("d"), 29))
	page := append(append([]byte("head:"), make([]byte, 29)...), ":body"...)
	a, b := pair(t)
	var p Pages
	for n := range Max + 1 { // one after the other, from the same value
		p.Begin([]byte("ahead:"), &date)
		want := "ahead:"
		for range n {
			p.Add(page, len("head:"))
			want += "head:" + string(date[:]) + ":body"
		}
		for skip := range len(want) + 2 { // also beyond the end
			m, errno := p.Write(a, skip)
			got := make([]byte, len(want)+1)
			k := 0
			if m > 0 {
				k, _ = syscall.Read(b, got)
			}
			if errno != 0 || m != max(0, len(want)-skip) || string(got[:k]) != want[min(skip, len(want)):] {
				t.Fatalf("%d pages from byte %d: %d, %v: %q", n, skip, m, errno, got[:k])
			}
		}
	}
}

func TestPages_misuse(t *testing.T) {
	var date [29]byte
	full := func(p *Pages) {
		p.Begin(nil, &date)
		for range Max {
			p.Add(date[:], 0)
		}
	}
	long := make([]byte, 100)
	for name, add := range map[string]func(*Pages){
		"slot before the page":     func(p *Pages) { p.Add(long, -1) },
		"slot beyond the page":     func(p *Pages) { p.Add(long, 72) },
		"slot beyond, in capacity": func(p *Pages) { p.Add(long[:50], 22) },
		"too many pages":           func(p *Pages) { full(p); p.Add(long, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			add(new(Pages))
		})
	}
}

func TestPages_error(t *testing.T) {
	var date [29]byte
	var p Pages
	p.Begin(make([]byte, 1<<20), &date)
	a, b := pair(t)
	n, errno := p.Write(a, 0)
	if n == 0 || n == 1<<20 || errno != syscall.EAGAIN {
		t.Errorf("full: %d, %v; want some and EAGAIN", n, errno)
	}
	if n, errno := p.Write(a, n); n != 0 || errno != syscall.EAGAIN {
		t.Errorf("still full: %d, %v; want 0 and EAGAIN", n, errno)
	}
	syscall.Close(b)
	if n, errno := p.Write(a, n); n != 0 || errno != syscall.EPIPE {
		t.Errorf("closed: %d, %v; want 0 and EPIPE", n, errno)
	}
}

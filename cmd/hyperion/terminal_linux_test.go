package main

import (
	"bufio"
	"fmt"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// terminal opens a pseudo-terminal: what is written to tty is read from pty.
func terminal(t *testing.T) (pty, tty *os.File) {
	t.Helper()
	pty, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { pty.Close() })
	var n, unlocked int32
	for call, arg := range map[uintptr]*int32{syscall.TIOCGPTN: &n, syscall.TIOCSPTLCK: &unlocked} {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, pty.Fd(), call, uintptr(unsafe.Pointer(arg))); errno != 0 {
			t.Fatal(errno)
		}
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	return pty, tty
}

// onTerminal runs hyperion on a terminal, asks it for one page and stops it.
func onTerminal(t *testing.T, env []string, args ...string) string {
	t.Helper()
	pty, tty := terminal(t)
	cmd := command(t, env, append(args, "-p", "0")...)
	cmd.Stdout, cmd.Stderr = tty, tty
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tty.Close()
	var seen strings.Builder
	in := bufio.NewReader(pty)
	read := func(until string) {
		for !strings.Contains(seen.String(), until) {
			line, err := in.ReadString('\n')
			seen.WriteString(line)
			if err != nil {
				t.Fatalf("%v before %q in: %s", err, until, &seen)
			}
		}
	}
	read("listen")
	url := regexp.MustCompile(`http://[0-9.:]+`).FindString(seen.String())
	get(t, url+"/")
	read("message=request")
	cmd.Process.Signal(syscall.SIGTERM)
	read("stopped")
	if code := exitOf(t, cmd.Wait()); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	return seen.String()
}

func TestBanner(t *testing.T) {
	dir := directory(t, "index.html", "hello", "b.txt", "b")
	seen := onTerminal(t, []string{"TERM=xterm"}, "serve", dir)
	plain := regexp.MustCompile("\x1b\\[[0-9;]*m").ReplaceAllString(seen, "")
	for _, want := range []string{
		"hyperion " + version + "  linux/", "(epoll, C units: " + units("unmask", "utf8") + ")\r\n  site     " + dir + "    ", "  listen   http://127.0.0.1:", "  stop     Ctrl-C",
		"[hyperion] message=request method=GET path=/ status=200", "INF draining signal=terminated",
	} {
		if !strings.Contains(plain, want) {
			t.Errorf("%q is missing in:\n%s", want, plain)
		}
	}
	if plain == seen {
		t.Error("no colour on a terminal")
	}
	if strings.Contains(seen, `{"`) {
		t.Errorf("JSON on a terminal:\n%s", seen)
	}
}

func TestBanner_noColor(t *testing.T) {
	if seen := onTerminal(t, []string{"TERM=xterm", "NO_COLOR=1"}); strings.Contains(seen, "\x1b") {
		t.Errorf("NO_COLOR is set, yet: %q", seen)
	}
}

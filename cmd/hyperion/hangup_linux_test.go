package main

import (
	"errors"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/internal/localnet"
)

// hearHangups has the processes that the test starts hear SIGHUP, also where the test runs under nohup:
// that a signal is ignored is inherited.
func hearHangups(t *testing.T) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(c) })
}

// SIGHUP has the certificates read again, and says what came of it, each time.
func TestHangup_certificates(t *testing.T) {
	t.Parallel()
	hearHangups(t)
	ca := newAuthority(t)
	ca.issue(t, "a.example", time.Time{})
	s := serve(t, nil, ca.flags("a.example")...)
	renewed := ca.issue(t, "a.example", time.Time{})
	s.signal(t, syscall.SIGHUP)
	s.errOut.wait(t, `"TLS certificates read again"`)
	shows(t, s, ca.client("a.example"), renewed.Raw)
	if err := os.WriteFile(ca.file("a.example.crt"), []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		s.signal(t, syscall.SIGHUP)
		eventually(t, "the error", func() bool {
			return strings.Count(s.errOut.String(), `"TLS certificates not read again, the old ones stay"`) == n+1
		})
	}
	shows(t, s, ca.client("a.example"), renewed.Raw)
	s.stop(t)
	for _, m := range s.messages(t) {
		if text, _ := m["error"].(string); m["loaded"] != nil && m["level"] == "error" && !strings.Contains(text, "a.example.crt") {
			t.Errorf("%v: does not name the file", m)
		}
	}
}

// Without TLS there is nothing to read; under nohup the signal is nobody's.
func TestHangup_plain(t *testing.T) {
	hearHangups(t)
	s := serve(t, nil)
	s.signal(t, syscall.SIGHUP)
	s.errOut.wait(t, "nothing to read again")
	if status, _ := get(t, s.boot.URL+"/hello"); status != 200 {
		t.Errorf("after SIGHUP: status %d", status)
	}
	s.stop(t)

	cmd := command(t, nil, "--port", localnet.Port(t))
	cmd.Args = append([]string{"sh", "-c", `trap "" HUP; exec "$0" "$@"`}, append([]string{cmd.Path}, cmd.Args[1:]...)...) // as nohup does
	cmd.Path = "/bin/sh"
	s = start(t, cmd)
	s.signal(t, syscall.SIGHUP)
	if status, _ := get(t, s.boot.URL+"/hello"); status != 200 {
		t.Errorf("under nohup: status %d", status)
	}
	s.stop(t)
	if text := s.errOut.String(); strings.Contains(text, "again") || strings.Contains(text, "hangup") {
		t.Errorf("under nohup the signal was heard: %s", text)
	}
}

// On a terminal SIGHUP does the same, until it comes since the terminal has gone: that ends
// the server in good order.
func TestHangup_terminal(t *testing.T) {
	hearHangups(t)
	pty, tty := terminal(t)
	cmd := command(t, nil, "--port", localnet.Port(t))
	cmd.Stdin, cmd.SysProcAttr = tty, &syscall.SysProcAttr{Setsid: true, Setctty: true} // the terminal of descriptor 0
	s := start(t, cmd)
	tty.Close()
	s.signal(t, syscall.SIGHUP)
	s.errOut.wait(t, "nothing to read again")
	c, err := dial(s)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.ask("/hello"); err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, "GET /hello HTTP/1.1\r\nHost: test\r\n")
	if err := pty.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		t.Fatal(err)
	}
	s.errOut.wait(t, `"draining"`)
	io.WriteString(c, "\r\n")
	if resp, err := c.answer(); err != nil || resp.StatusCode != 200 {
		t.Errorf("after the stop began: %v, %v", resp, err)
	}
	if code := s.wait(t); code != exitOK {
		t.Errorf("exit code %d: %s", code, &s.errOut)
	}
}

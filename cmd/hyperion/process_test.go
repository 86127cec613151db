package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/internal/localnet"
)

// TestMain lets the test binary stand in for hyperion: with asMain in its
// environment it runs main.
func TestMain(m *testing.M) {
	if os.Getenv(asMain) != "" {
		main()
	}
	os.Exit(m.Run())
}

const asMain = "RUN_AS_HYPERION"

// command is hyperion with an environment of only those variables.
func command(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append([]string{asMain + "=1", "PATH=" + os.Getenv("PATH")}, env...)
	return cmd
}

// finished is how a run of hyperion ended.
type finished struct {
	code           int
	stdout, stderr string
}

// run runs hyperion to its end.
func run(t *testing.T, env []string, args ...string) finished {
	t.Helper()
	cmd := command(t, env, args...)
	var out, errOut strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errOut
	return finished{exitOf(t, cmd.Run()), out.String(), errOut.String()}
}

func exitOf(t *testing.T, err error) int {
	t.Helper()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	return 0
}

// A server is a running hyperion.
type server struct {
	cmd    *exec.Cmd
	boot   bootReport
	out    lines // stdout after the boot line
	errOut lines
}

// lines gathers a stream.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
	done chan struct{}
}

func (l *lines) gather(r io.Reader) {
	l.done = make(chan struct{})
	go func() {
		defer close(l.done)
		in := bufio.NewReader(r)
		for {
			line, err := in.ReadString('\n')
			l.mu.Lock()
			l.text.WriteString(line)
			l.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
}

// String returns what has come so far.
func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// wait waits until the stream contains what is said.
func (l *lines) wait(t *testing.T, what string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !strings.Contains(l.String(), what); {
		if time.Now().After(deadline) {
			t.Fatalf("no %q in: %s", what, l)
		}
		time.Sleep(time.Millisecond)
	}
}

// serve starts hyperion on a free port and returns when it listens.
func serve(t *testing.T, env []string, args ...string) *server {
	t.Helper()
	return start(t, command(t, env, append(args, "--port", localnet.Port(t))...))
}

// start starts a command that serves, and returns when it listens.
func start(t *testing.T, cmd *exec.Cmd) *server {
	t.Helper()
	s := &server{cmd: cmd}
	stdout, err1 := s.cmd.StdoutPipe()
	stderr, err2 := s.cmd.StderrPipe()
	if err := errors.Join(err1, err2, s.cmd.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.cmd.Process.Kill(); s.cmd.Wait() })
	s.errOut.gather(stderr)
	in := bufio.NewReader(stdout)
	line, err := in.ReadString('\n')
	if err != nil {
		<-s.errOut.done
		t.Fatalf("no boot line: %v; stderr: %s", err, &s.errOut)
	}
	if err := json.Unmarshal([]byte(line), &s.boot); err != nil {
		t.Fatalf("boot line %q: %v", line, err)
	}
	s.out.gather(in)
	return s
}

func (s *server) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// wait waits for the end and returns the exit code.
func (s *server) wait(t *testing.T) int {
	t.Helper()
	<-s.out.done
	<-s.errOut.done
	return exitOf(t, s.cmd.Wait())
}

// stop ends the server with SIGTERM and expects exit code 0.
func (s *server) stop(t *testing.T) {
	t.Helper()
	s.signal(t, syscall.SIGTERM)
	if code := s.wait(t); code != exitOK {
		t.Errorf("exit code %d, want 0; stderr: %s", code, &s.errOut)
	}
}

// messages returns the messages on stderr, one map a line.
func (s *server) messages(t *testing.T) (all []map[string]any) {
	t.Helper()
	return decodeLines(t, s.errOut.String())
}

func decodeLines(t *testing.T, text string) (all []map[string]any) {
	t.Helper()
	for line := range strings.Lines(text) {
		m := map[string]any{}
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("not a line of JSON: %q", line)
		}
		all = append(all, m)
	}
	return all
}

// get returns status and body.
func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// directory makes a site of files: names and contents in turn.
func directory(t *testing.T, nameContent ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(nameContent); i += 2 {
		path := filepath.Join(dir, nameContent[i])
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(nameContent[i+1]), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMain lets the test binary be what boots a guest, and the guest's first process.
func TestMain(m *testing.M) {
	if os.Getpid() == 1 || os.Getenv("UML_TEST_MAIN") != "" {
		main()
	}
	os.Exit(m.Run())
}

// uml runs the command with arguments.
func uml(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	if _, err := exec.LookPath("linux.uml"); err != nil {
		t.Skip(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var out, errOut strings.Builder
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), "UML_TEST_MAIN=1", "TMPDIR="+t.TempDir(), "WORD=hello")
	cmd.Dir = t.TempDir()
	cmd.Stdout, cmd.Stderr = &out, &errOut
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(cmd.Env[len(cmd.Env)-2][len("TMPDIR="):], "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	return out.String(), errOut.String(), cmd.ProcessState.ExitCode()
}

func TestProgram(t *testing.T) {
	for _, c := range []struct {
		name, script, out string
		code              int
	}{
		{"output and environment", `echo "$WORD" "$0" "$1"; echo error >&2`, "hello zero one\nerror\n", 0},
		{"another kernel", "uname -r", "", 0},
		{"exit code", "exit 7", "", 7},
		{"signal", "kill -9 $$", "", 128 + 9},
		{"empty TMPDIR", `ls "$TMPDIR"; echo x > "$TMPDIR/x" && cat "$TMPDIR/x"`, "x\n", 0},
		{"long output", "seq 100000 | tail -c 500000 | wc -c; seq 1000", "500000\n" + numbers(1000), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, errOut, code := uml(t, "/bin/sh", "-c", c.script, "zero", "one")
			if code != c.code || errOut != "" {
				t.Errorf("exit code %d, want %d; stderr %q", code, c.code, errOut)
			}
			if c.name == "another kernel" {
				if out = strings.TrimSpace(out); out == "" || out == release(t) {
					t.Errorf("kernel %q, want another than %q", out, release(t))
				}
				return
			}
			if out != c.out {
				t.Errorf("output %q, want %q", out, c.out)
			}
		})
	}
}

func numbers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintln(&b, i+1)
	}
	return b.String()
}

func release(t *testing.T) string {
	t.Helper()
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		t.Fatal(err)
	}
	return unix.ByteSliceToString(u.Release[:])
}

// What does not end is ended, and says so.
func TestLimit(t *testing.T) {
	start := time.Now()
	_, errOut, code := uml(t, "-limit", "1s", "/bin/sleep", "1000")
	if code != exitFailed || !strings.Contains(errOut, "/bin/sleep ran longer than 1s") {
		t.Errorf("exit code %d, stderr %q", code, errOut)
	}
	if took := time.Since(start); took > grace {
		t.Errorf("took %v", took)
	}
}

func TestFailures(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"no program", []string{"/none"}, "/none: no such file"},
		{"no module", []string{"-modules", "tls,none", "/bin/true"}, "kernel module none: not in modules.dep"},
		{"no kernel", []string{"-kernel", "none.uml", "/bin/true"}, "Debian package user-mode-linux"},
		{"kernel that fails", []string{"-kernel", "/bin/false", "/bin/true"}, errNoResult.Error()},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, errOut, code := uml(t, c.args...); code != exitFailed || !strings.Contains(errOut, c.want) {
				t.Errorf("exit code %d, stderr %q; want %d and %q", code, errOut, exitFailed, c.want)
			}
		})
	}
}

func TestFindModules(t *testing.T) {
	const depends = `kernel/net/tls/tls.ko:
kernel/crypto/ghash-generic.ko: kernel/crypto/gf128mul.ko
kernel/fs/a.ko.xz: kernel/fs/b.ko.xz kernel/fs/c.ko.xz
`
	got, err := findModules(strings.NewReader(depends), []string{"ghash_generic", "tls", "a"})
	want := []string{"kernel/crypto/gf128mul.ko", "kernel/crypto/ghash-generic.ko", "kernel/net/tls/tls.ko",
		"kernel/fs/c.ko.xz", "kernel/fs/b.ko.xz", "kernel/fs/a.ko.xz"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	if _, err := findModules(strings.NewReader(depends), []string{"none"}); err == nil {
		t.Error("no error for a module that there is not")
	}
}

package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// Every mistake has its exit code and a message on stderr, none on stdout.
func TestExitCodes(t *testing.T) {
	file := filepath.Join(directory(t, "file", "x"), "file")
	closed := t.TempDir()
	if err := os.Chmod(closed, 0); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name string
		env  []string
		args []string
		code int
		want []string // all in stderr
	}{
		{"unknown command", nil, []string{"serv"}, exitUsage, []string{`unknown command "serv"`, "Did you mean this?", "serve"}},
		{"help on an unknown command", nil, []string{"help", "serv"}, exitUsage, []string{`unknown command "serv"`, "Did you mean this?", "serve", "See hyperion --help."}},
		{"help on more than a command", nil, []string{"help", "serve", "x"}, exitUsage, []string{`"x"`, "See hyperion --help."}},
		{"a directory for a command", nil, []string{os.TempDir()}, exitUsage, []string{"unknown command", "To serve that directory: hyperion serve " + os.TempDir()}},
		{"unknown flag", nil, []string{"serve", "--max-con=5"}, exitUsage, []string{"unknown flag: --max-con", "did you mean --max-conns?"}},
		{"unknown flag like no other", nil, []string{"--threads=5"}, exitUsage, []string{"unknown flag: --threads", "See hyperion --help."}},
		{"unknown short flag", nil, []string{"-z"}, exitUsage, []string{"unknown shorthand flag: 'z'"}},
		{"flag without value", nil, []string{"--port"}, exitUsage, []string{"flag needs an argument: --port"}},
		{"bad port", nil, []string{"-p", "70000"}, exitUsage, []string{`"70000"`, "--port", "expected a port from 0"}},
		{"bad size", nil, []string{"--max-body-bytes=5MB"}, exitUsage, []string{`"5MB"`, "--max-body-bytes", "16MiB"}},
		{"bad duration", nil, []string{"serve", "--idle-timeout=30"}, exitUsage, []string{`"30"`, "--idle-timeout", "30s"}},
		{"bad choice", nil, []string{"--log-format=xml"}, exitUsage, []string{`"xml"`, "expected auto, text or json"}},
		{"small frames of HTTP/2", nil, []string{"-p", "0", "--h2-max-frame-size=16383"}, exitUsage, []string{`"16383"`, "--h2-max-frame-size", "expected at least 16KiB"}},
		{"two directories", nil, []string{"serve", "a", "b"}, exitUsage, []string{"arg"}},
		{"bad variable", []string{"HYPERION_PORT=http"}, nil, exitConfig, []string{`HYPERION_PORT="http"`, "expected a port from 0"}},
		{"two bad variables", []string{"HYPERION_PORT=x", "HYPERION_LOG_LEVEL=loud"}, []string{"serve"}, exitConfig, []string{"HYPERION_PORT", "HYPERION_LOG_LEVEL"}},
		{"missing directory", nil, []string{"serve", "no/such/dir"}, exitConfig, []string{"cannot serve no/such/dir: no such file or directory"}},
		{"a file for a directory", nil, []string{"serve", file}, exitConfig, []string{"cannot serve", "not a directory"}},
		{"bad error page", nil, []string{"serve", "--error-page=40=x"}, exitUsage, []string{`"40=x"`, "expected one of [403 404 405"}},
		{"error page that is never sent", nil, []string{"serve", "--error-page=401=x"}, exitUsage, []string{`"401=x"`, "--error-page", "expected one of [403 404 405"}},
		{"missing error page", nil, []string{"serve", t.TempDir(), "--error-page=404=none.html"}, exitConfig, []string{"cannot serve", `--error-page="404=none.html": no such file or directory, expected a file below`}},
		{"bad Cache-Control", nil, []string{"serve", "--cache-control=no-cache\r\nX: y"}, exitConfig, []string{"--cache-control"}},
		{"missing fallback page", []string{"HYPERION_SPA=none.html"}, []string{"serve", t.TempDir()}, exitConfig, []string{"cannot serve", `HYPERION_SPA="none.html": no such file or directory, expected a file below`}},
		{"fallback page that is none", nil, []string{"serve", t.TempDir(), "--spa=."}, exitConfig, []string{`--spa=".": expected the name of a file`}},
		{"index file in a directory", nil, []string{"serve", t.TempDir(), "--index=a/b"}, exitConfig, []string{`--index="a/b": expected the name of a file`}},
		{"too many open files", nil, []string{"serve", t.TempDir(), "--open-files=2000000000"}, exitConfig, []string{`--open-files="2000000000": expected at most`}},
		{"too many requests before a file is kept", nil, []string{"serve", "--admit-after=16"}, exitUsage, []string{`"16"`, "--admit-after", "expected at most 15"}},
		{"HSTS of less than a second", nil, []string{"--tls-self-signed", "--hsts=500ms"}, exitConfig, []string{"--hsts is sent in whole seconds", "expected"}},
		{"address of another machine", nil, []string{"-b", "192.0.2.1", "-p", "0"}, exitConfig, []string{"cannot listen on 192.0.2.1:0", "does not have the address"}},
		{"port in the host", nil, []string{"-b", "127.0.0.1:80"}, exitConfig, []string{"expected a host without a port"}},
		{"no host", nil, []string{"-p", "0", "--bind", ""}, exitConfig, []string{"--bind", "0.0.0.0"}},
		{"bad health path", nil, []string{"--health-path", "health"}, exitConfig, []string{"--health-path", "health"}},
		{"health path with a query", nil, []string{"-p", "0", "--health-path", "/health?x"}, exitConfig, []string{"--health-path", "/health?x"}},
		{"health path for all", nil, []string{"serve", t.TempDir(), "-p", "0", "--health-path", "/"}, exitConfig, []string{"--health-path", "/"}},
		{"health path with a wildcard", nil, []string{"-p", "0", "--health-path", "/{x}"}, exitConfig, []string{"--health-path", "/{x}"}},
	}
	if os.Getuid() != 0 { // root may read everything and bind every port
		cases = append(cases, []struct {
			name string
			env  []string
			args []string
			code int
			want []string
		}{
			{"closed directory", nil, []string{"serve", closed}, exitConfig, []string{"cannot serve", "permission denied"}},
		}...)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := run(t, c.env, c.args...)
			if got.code != c.code || got.stdout != "" {
				t.Errorf("exit code %d, stdout %q, want %d and nothing", got.code, got.stdout, c.code)
			}
			for _, want := range c.want {
				if !strings.Contains(unquoted(got.stderr), want) {
					t.Errorf("stderr lacks %s: %s", want, got.stderr)
				}
			}
		})
	}
}

// unquoted undoes the quotes of JSON lines.
func unquoted(s string) string { return strings.ReplaceAll(s, `\"`, `"`) }

func TestBusyPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	got := run(t, nil, "-p", port)
	want := "in use"
	if runtime.GOOS == "linux" {
		comm, err := os.ReadFile("/proc/self/comm")
		if err != nil {
			t.Fatal(err)
		}
		want = fmt.Sprintf("the port is in use by pid %d (%s)", os.Getpid(), strings.TrimSpace(string(comm)))
	}
	if got.code != exitBusy || !strings.Contains(got.stderr, want) || got.stdout != "" {
		t.Errorf("exit code %d, %s%s, want %d and %q", got.code, got.stdout, got.stderr, exitBusy, want)
	}
}

func TestHelp(t *testing.T) {
	short, all := run(t, nil, "serve", "--help"), run(t, nil, "serve", "--help-all")
	if short.code != exitOK || all.code != exitOK || short.stderr+all.stderr != "" {
		t.Fatalf("exit codes %d, %d; stderr %s%s", short.code, all.code, short.stderr, all.stderr)
	}
	if n := strings.Count(short.stdout, "\n"); n > 40 {
		t.Errorf("help has %d lines: more than a screen", n)
	}
	if strings.Contains(short.stdout, "--max-conns N") || !strings.Contains(short.stdout, "--help-all") {
		t.Error("the short help shows limits, or does not say how to see them")
	}
	for _, g := range newServeFlags().groups {
		g.VisitAll(func(f *pflag.Flag) {
			if !f.Hidden && !strings.Contains(all.stdout, "--"+f.Name+" ") {
				t.Errorf("--help-all lacks --%s", f.Name)
			}
		})
	}
	for _, want := range []string{"HYPERION_MAX_CONNS", "75 port in use"} {
		if !strings.Contains(all.stdout, want) {
			t.Errorf("--help-all lacks %q", want)
		}
	}
}

// "hyperion help serve" is "hyperion serve --help", at every depth.
func TestHelp_command(t *testing.T) {
	for _, command := range [][]string{nil, {"serve"}, {"version"}, {"completion"}, {"completion", "bash"}} {
		got, want := run(t, nil, append([]string{"help"}, command...)...), run(t, nil, append(command, "--help")...)
		if got.code != exitOK || want.stdout == "" || got.stdout != want.stdout || got.stderr != "" {
			t.Errorf("help %v: exit code %d, stderr %q, stdout %q, want %q", command, got.code, got.stderr, got.stdout, want.stdout)
		}
	}
}

func TestVersion(t *testing.T) {
	for _, args := range [][]string{{"version"}, {"--version"}} {
		if got := run(t, nil, args...); got.code != exitOK || got.stdout != "hyperion "+version+"\n" {
			t.Errorf("%v: %d, %q", args, got.code, got.stdout)
		}
	}
	long := run(t, []string{"HYPERION_NATIVE=off"}, "version", "-v")
	for _, want := range []string{runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH, "GOMAXPROCS", "engine", "file rung sendfile", "unit      cpu"} {
		if !strings.Contains(long.stdout, want) {
			t.Errorf("version -v lacks %q: %s", want, long.stdout)
		}
	}
	var b build
	if err := json.Unmarshal([]byte(run(t, nil, "version", "--json").stdout), &b); err != nil {
		t.Fatal(err)
	}
	if b.Version != version || b.Go != runtime.Version() || b.CPUs != runtime.NumCPU() || len(b.Units) == 0 || b.Units[0].Name != "cpu" ||
		len(b.Rungs) == 0 || b.Rungs[0].Name != "page" {
		t.Errorf("version --json: %+v", b)
	}
}

// Who asks for a way to send files that there is not learns which there are.
func TestFileRung_unknown(t *testing.T) {
	for _, c := range []struct {
		place     string
		env, args []string
		code      int
	}{
		{"--file-rung", nil, []string{"serve", "--file-rung=mmap"}, exitUsage},
		{"HYPERION_FILE_RUNG", []string{"HYPERION_FILE_RUNG=mmap"}, []string{"serve"}, exitConfig},
	} {
		got := run(t, c.env, c.args...)
		for _, part := range []string{c.place, "mmap", "auto, small, splice, sendfile or copy"} {
			if got.code != c.code || !strings.Contains(got.stderr, part) {
				t.Errorf("%s: exit code %d, lacks %q: %s", c.place, got.code, part, got.stderr)
			}
		}
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if got := run(t, nil, "completion", shell); got.code != exitOK || !strings.Contains(got.stdout, "hyperion") {
			t.Errorf("%s: exit code %d, %d bytes", shell, got.code, len(got.stdout))
		}
	}
}

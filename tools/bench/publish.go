package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hyperion-server/hyperion/tools/bench/report"
)

// title heads docs/BENCHMARKS.md when there is none yet.
const title = "# Benchmarks\n\nHow to read them: every figure was measured in turn with the others, on one machine, in one run; only the ratios mean anything elsewhere.\n"

// keep writes the trials of this run to the output directory.
func (b *bench) keep() error {
	name := filepath.Join(b.Out, "peers-"+b.started.UTC().Format("20060102-150405")+".csv")
	if err := writeTrials(name, b.trials); err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "raw trials: tools/bench/out/"+filepath.Base(name))
	return nil
}

func writeTrials(name string, trials []report.Trial) error {
	var buf bytes.Buffer
	if err := report.WriteCSV(&buf, trials); err != nil {
		return err
	}
	return os.WriteFile(name, buf.Bytes(), 0o644)
}

// write prints the report of this run or, with -publish, puts it together with
// the rows of earlier runs into docs/.
func (b *bench) write(w io.Writer) error {
	if !b.publish {
		return b.report(b.trials).WriteMarkdown(w)
	}
	trials, err := b.mergePublished()
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := b.report(trials).WriteMarkdown(&text); err != nil {
		return err
	}
	name := filepath.Join(b.Root, "docs", "BENCHMARKS.md")
	doc, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		doc = []byte(title)
	} else if err != nil {
		return err
	}
	if doc, err = report.Insert(doc, text.Bytes()); err != nil {
		return err
	}
	return os.WriteFile(name, doc, 0o644)
}

// mergePublished puts this run's rows into docs/bench/peers.csv and returns all of it.
func (b *bench) mergePublished() ([]report.Trial, error) {
	name := filepath.Join(b.Root, "docs", "bench", "peers.csv")
	var old []report.Trial
	f, err := os.Open(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	default:
		defer f.Close()
		if old, err = report.ReadCSV(f); err != nil {
			return nil, err
		}
	}
	trials := report.Merge(old, b.trials)
	return trials, writeTrials(name, trials)
}

// report words the trials. All rows are in it, measured in this run or before.
func (b *bench) report(trials []report.Trial) *report.Report {
	r := &report.Report{Command: b.command, Facts: b.facts(), Limit: epoll, Growths: growths, Trials: trials}
	for _, s := range servers {
		r.Servers = append(r.Servers, [2]string{s.name, b.version(s) + ": " + s.does})
	}
	for _, row := range rows(0, 0) {
		r.Rows = append(r.Rows, row.Row)
	}
	return r
}

// version returns the version of a server, or that it is missing.
func (b *bench) version(s *server) string {
	if b.missing[s] != "" {
		return report.NotInstalled
	}
	return b.ask(s.version...)
}

// ask returns the first word with a digit that a command prints.
func (b *bench) ask(command ...string) string {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = b.Root
	out, _ := cmd.CombinedOutput() // some print a version and fail
	return firstVersion(string(out))
}

func (b *bench) facts() [][2]string {
	cpuinfo, _ := os.ReadFile("/proc/cpuinfo")
	var u unix.Utsname
	unix.Uname(&u)
	kernel, _, _ := strings.Cut(unix.ByteSliceToString(u.Release[:]), "-") // without the builder's suffix
	return [][2]string{
		{"last run", b.started.UTC().Format("2006-01-02 15:04 MST")},
		{"CPU", fmt.Sprintf("%d × %s", runtime.NumCPU(), cpuModel(cpuinfo))},
		{"pinned", fmt.Sprintf("server to CPU %d, load to CPU %d", b.serverCPU, b.loadCPU)},
		{"kernel", unix.ByteSliceToString(u.Sysname[:]) + " " + kernel},
		{"Go", b.ask("go", "env", "GOVERSION")},
		{"load", "wrk " + b.ask("wrk", "-v") + ", h2load " + b.ask("h2load", "--version") + " and tools/bench/load"},
		{"each load", fmt.Sprintf("%s after %s of warm-up, on a server that was started for it", b.duration, b.warm)},
		{"idle connections settle for", b.settle.String()},
		{"CPU time", "user and system, of all the server's processes and threads, by their CPU clocks, over the whole load"},
		{"access logs", "off"},
	}
}

// cpuModel returns the name of the first CPU in /proc/cpuinfo.
func cpuModel(cpuinfo []byte) string {
	for line := range strings.Lines(string(cpuinfo)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "of unknown model"
}

package proc

import (
	"bytes"
	"io"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	for _, c := range []struct {
		line        string
		pid, parent int
		fails       bool
	}{
		{line: "12 (nginx) S 7 12 12 0", pid: 12, parent: 7},
		{line: "13 (a ) (b) R 99 1", pid: 13, parent: 99},
		{line: "14 ()) S 3", pid: 14, parent: 3},
		{line: "", fails: true},
		{line: "12 nginx S 7", fails: true},
		{line: "12 (nginx)", fails: true},
		{line: "12 (nginx) S x", fails: true},
		{line: "x (nginx) S 7", fails: true},
	} {
		pid, parent, err := parseStat([]byte(c.line))
		if (err != nil) != c.fails || pid != c.pid && !c.fails || parent != c.parent && !c.fails {
			t.Errorf("%q: %d, %d, %v", c.line, pid, parent, err)
		}
	}
}

func TestParseStatm(t *testing.T) {
	if n, err := parseStatm([]byte("1000 250 30 1 0 40 0\n")); n != 250 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	for _, bad := range []string{"", "1000", "1000 x"} {
		if _, err := parseStatm([]byte(bad)); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func used(t *testing.T) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		t.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// The process clock must lie between two readings of what the kernel accounts
// to this process, give or take the ticks that getrusage may lag, one a processor.
func TestCPU_agreesWithRusage(t *testing.T) {
	const tick = 10 * time.Millisecond
	for until := used(t) + 20*tick; used(t) < until; {
	}
	before := used(t)
	got, err := CPU([]int{os.Getpid()})
	after := used(t)
	if err != nil || got < before-4*tick || got > after+4*tick {
		t.Errorf("CPU = %v, %v; rusage %v to %v", got, err, before, after)
	}
}

func TestCPU_unknownProcess(t *testing.T) {
	if _, err := CPU([]int{1<<22 + 1}); err == nil {
		t.Error("no error for a process id above the kernel's limit")
	}
}

func TestStart_pinsAndFindsChildren(t *testing.T) {
	cpus, err := CPUs()
	if err != nil {
		t.Fatal(err)
	}
	r, w := io.Pipe()
	p, err := Start(cpus[0], w, "sh", "-c", "cat /dev/zero >/dev/null & nproc; wait")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	line := make([]byte, 16)
	n, err := r.Read(line)
	go io.Copy(io.Discard, r)
	if got := string(bytes.TrimSpace(line[:n])); got != "1" || err != nil {
		t.Errorf("the child may run on %q CPUs (%v), want 1", got, err)
	}
	pids := p.Pids() // sh and its cat; nproc may still be there
	if len(pids) < 2 || !slices.Contains(pids, p.cmd.Process.Pid) {
		t.Errorf("pids = %v, want the shell and its child", pids)
	}
	if rss, err := RSS(pids[:1]); rss <= 0 || err != nil {
		t.Errorf("RSS = %d, %v", rss, err)
	}
	if n, err := Threads(pids[:1]); n < 1 || err != nil {
		t.Errorf("Threads = %d, %v", n, err)
	}
	if n, err := Descriptors(pids[:1]); n < 3 || err != nil {
		t.Errorf("descriptors = %d, %v; want at least the standard three", n, err)
	}
	for _, pid := range pids[1:] {
		syscall.Kill(pid, syscall.SIGKILL)
	}
}

func TestPinSelf(t *testing.T) {
	all, err := CPUs()
	if err != nil {
		t.Fatal(err)
	}
	last := all[len(all)-1:]
	if err := PinSelf(last...); err != nil {
		t.Fatal(err)
	}
	defer PinSelf(all...)
	if got, err := CPUs(); !slices.Equal(got, last) || err != nil {
		t.Errorf("CPUs = %v, %v; want %v", got, err, last)
	}
}

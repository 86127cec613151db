// Package proc starts the servers and load programs of a measurement, each
// pinned to one CPU, and tells what they used: CPU time, resident memory,
// descriptors. Linux only.
package proc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A Process is a program that Start started. Its methods are for one goroutine.
type Process struct {
	cmd  *exec.Cmd
	said *output       // of StartServer
	done chan struct{} // closed when it ended
}

// Start runs a command pinned to a CPU; output gets what it prints. Whoever
// starts it must Stop it.
func Start(cpu int, output io.Writer, name string, args ...string) (*Process, error) {
	cmd := Command(cpu, name, args...)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("proc: %w", err)
	}
	p := &Process{cmd: cmd, done: make(chan struct{})}
	go func() {
		cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// Command is a command that will run pinned to a CPU.
func Command(cpu int, name string, args ...string) *exec.Cmd {
	return exec.Command("taskset", append([]string{"-c", strconv.Itoa(cpu), name}, args...)...)
}

// Done is closed when the process ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Pids returns the process and its descendants of now.
func (p *Process) Pids() []int { return descendants(p.cmd.Process.Pid) }

// Stop asks the process to end, and after 5 s makes it and its descendants end.
func (p *Process) Stop() {
	pids := p.Pids()
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
		for _, pid := range pids {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		<-p.done
	}
}

// descendants returns pid and all processes below it, in no order but pid first.
func descendants(pid int) []int {
	children := map[int][]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range stats {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // ended meanwhile
		}
		if p, parent, err := parseStat(b); err == nil {
			children[parent] = append(children[parent], p)
		}
	}
	pids := []int{pid}
	for i := 0; i < len(pids); i++ {
		pids = append(pids, children[pids[i]]...)
	}
	return pids
}

var errStat = errors.New("proc: stat line is not as proc(5) has it")

// parseStat returns the process id and its parent's from a line of
// /proc/PID/stat. The name between them may hold spaces and brackets.
func parseStat(b []byte) (pid, parent int, err error) {
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || end < open {
		return 0, 0, errStat
	}
	pid, err = strconv.Atoi(string(bytes.TrimSpace(b[:open])))
	f := bytes.Fields(b[end+1:])
	if err != nil || len(f) < 2 {
		return 0, 0, errStat
	}
	if parent, err = strconv.Atoi(string(f[1])); err != nil {
		return 0, 0, errStat
	}
	return pid, parent, nil
}

// CPU returns the time, user and system, that the processes have used until
// now: of all their threads, ended ones too, in nanoseconds and not in clock
// ticks as /proc/PID/stat has it.
func CPU(pids []int) (time.Duration, error) {
	var sum time.Duration
	for _, pid := range pids {
		var t unix.Timespec
		if err := unix.ClockGettime(cpuClock(pid), &t); err != nil {
			return 0, fmt.Errorf("proc: CPU clock of process %d: %w", pid, err)
		}
		sum += time.Duration(t.Nano())
	}
	return sum, nil
}

// cpuClock is what clock_getcpuclockid(3) returns for another process: the
// complement of its id, and CPUCLOCK_SCHED in the low three bits.
func cpuClock(pid int) int32 { return int32(^pid<<3 | 2) }

// RSS returns the resident memory of the processes, in bytes.
func RSS(pids []int) (int64, error) {
	var sum int64
	for _, pid := range pids {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
		if err != nil {
			return 0, fmt.Errorf("proc: %w", err)
		}
		pages, err := parseStatm(b)
		if err != nil {
			return 0, err
		}
		sum += pages * int64(os.Getpagesize())
	}
	return sum, nil
}

// parseStatm returns the resident pages from /proc/PID/statm.
func parseStatm(b []byte) (int64, error) {
	f := bytes.Fields(b)
	if len(f) < 2 {
		return 0, errStat
	}
	return strconv.ParseInt(string(f[1]), 10, 64)
}

// Descriptors returns how many descriptors the processes have open.
func Descriptors(pids []int) (int, error) { return entries(pids, "fd") }

// Threads returns how many threads the processes have.
func Threads(pids []int) (int, error) { return entries(pids, "task") }

// entries counts what is in a directory of the processes in /proc.
func entries(pids []int, dir string) (int, error) {
	n := 0
	for _, pid := range pids {
		d, err := os.ReadDir(fmt.Sprintf("/proc/%d/%s", pid, dir))
		if err != nil {
			return 0, fmt.Errorf("proc: %w", err)
		}
		n += len(d)
	}
	return n, nil
}

// RaiseDescriptors lifts this process's limit of descriptors to what is
// allowed; its children inherit it.
func RaiseDescriptors() error {
	r := unix.Rlimit{Cur: 1 << 17, Max: 1 << 17}
	if unix.Setrlimit(unix.RLIMIT_NOFILE, &r) == nil { // as root
		return nil
	}
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return err
	}
	r.Cur = r.Max
	return unix.Setrlimit(unix.RLIMIT_NOFILE, &r)
}

// CPUs returns the numbers of the CPUs that this process may run on, in order.
func CPUs() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("proc: %w", err)
	}
	var cpus []int
	for i := range 8 * len(set) * int(unix.SizeofPtr) {
		if set.IsSet(i) {
			cpus = append(cpus, i)
		}
	}
	slices.Sort(cpus)
	return cpus, nil
}

// PinSelf pins all threads of this process, and so those that will be, to CPUs.
func PinSelf(cpus ...int) error {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("proc: %w", err)
	}
	var set unix.CPUSet
	for _, cpu := range cpus {
		set.Set(cpu)
	}
	for _, t := range tasks {
		tid, err := strconv.Atoi(t.Name())
		if err != nil {
			return fmt.Errorf("proc: %w", err)
		}
		if err := unix.SchedSetaffinity(tid, &set); err != nil && err != unix.ESRCH { // ESRCH: the thread ended
			return fmt.Errorf("proc: thread %d: %w", tid, err)
		}
	}
	return nil
}

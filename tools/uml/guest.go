//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// guest is the first process of the guest. It does the job in dir, leaves the
// result there and powers off.
func guest(dir string) {
	code, err := perform(dir)
	r := result{Code: code}
	if err != nil {
		r.Error = "guest: " + err.Error()
	}
	save(dir, resultFile, r) // if it fails, the host finds no result
	unix.Sync()
	unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	select {} // a kernel panics when its first process ends
}

func perform(dir string) (code int, err error) {
	var j job
	if err := load(dir, jobFile, &j); err != nil {
		return 0, err
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return 0, fmt.Errorf("mount /proc: %w", err)
	}
	tmp := filepath.Join(dir, tmpDir)
	if err := unix.Mount("tmp", tmp, "tmpfs", 0, ""); err != nil {
		return 0, fmt.Errorf("mount %s: %w", tmp, err)
	}
	if err := loopbackUp(); err != nil {
		return 0, fmt.Errorf("loopback: %w", err)
	}
	if err := loadModules(j.Modules); err != nil {
		return 0, err
	}
	console, err := openConsole("/dev/tty1")
	if err != nil {
		return 0, err
	}
	defer console.Close()
	defer unix.IoctlSetInt(int(console.Fd()), unix.TCSBRK, 1) // wait until it is written
	return runProgram(j, tmp, console)
}

func runProgram(j job, tmp string, console *os.File) (code int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), j.Limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, j.Args[0], j.Args[1:]...)
	cmd.Dir = j.Dir
	cmd.Env = append(j.Env, "TMPDIR="+tmp)
	cmd.Stdout, cmd.Stderr = console, console
	cmd.WaitDelay = time.Second
	err = cmd.Run()
	if ctx.Err() != nil {
		return 0, fmt.Errorf("%s ran longer than %v", j.Args[0], j.Limit)
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return 0, err
	}
	if s := exit.Sys().(syscall.WaitStatus); s.Signaled() {
		return 128 + int(s.Signal()), nil
	}
	return exit.ExitCode(), nil
}

// openConsole opens a terminal that changes no byte of what is written to it.
func openConsole(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	t, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	t.Oflag &^= unix.OPOST
	return f, unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, t)
}

func loopbackUp() error {
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	r, err := unix.NewIfreq(lo.Name)
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, r); err != nil {
		return err
	}
	r.SetUint16(r.Uint16() | unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, r)
}

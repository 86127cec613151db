//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

var (
	errNoKernel = errors.New("no kernel")
	errNoResult = errors.New("the guest ended without a result")
)

// grace is what booting and powering off may take besides the job's limit.
const grace = 30 * time.Second

// run boots the kernel with the job and returns the program's exit code.
func run(ctx context.Context, kernel, memory string, j job) (int, error) {
	kernel, err := exec.LookPath(kernel)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errNoKernel, err)
	}
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "uml-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if err := os.Mkdir(filepath.Join(dir, tmpDir), 0o700); err != nil {
		return 0, err
	}
	if err := save(dir, jobFile, j); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, j.Limit+grace)
	defer cancel()
	log, err := boot(ctx, kernel,
		"mem="+memory, "rootfstype=hostfs", "rootflags=/", "rw", "quiet",
		"umid=guest", "uml_dir="+dir+"/", "init="+self, jobEnv+"="+dir,
		"con=null", "con0=null", "con1=null,fd:3")
	var r result
	if load(dir, resultFile, &r) != nil {
		return 0, fmt.Errorf("%w: %w\n%s", errNoResult, errors.Join(err, context.Cause(ctx)), log)
	}
	if r.Error != "" {
		return 0, errors.New(r.Error)
	}
	return r.Code, nil
}

// boot runs the kernel until it has powered off, copies the guest's second
// console, which is descriptor 3, to standard output and returns what the kernel
// itself had to say. Nothing is left of its process group.
func boot(ctx context.Context, kernel string, args ...string) (log []byte, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, kernel, args...)
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.ExtraFiles = []*os.File{w}
	// The kernel ends its children on SIGTERM. They are its tracees: killed
	// alone, it would leave them to the host.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	killAll := func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.Cancel = killAll
	runtime.LockOSThread() // Pdeathsig means the thread
	defer runtime.UnlockOSThread()
	err = cmd.Start()
	w.Close()
	if err != nil {
		r.Close()
		return nil, err
	}
	copied := make(chan struct{})
	go func() {
		io.Copy(os.Stdout, r)
		r.Close()
		close(copied)
	}()
	err = cmd.Wait()
	killAll()
	<-copied
	return said.Bytes(), err
}

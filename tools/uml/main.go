//go:build linux

// Command uml runs a program inside a Linux kernel that runs as an ordinary
// process (user-mode Linux): for tests that need a kernel module or a right that
// the machine does not give.
//
//	go test -exec "$PWD/bin/uml -modules tls,gcm" ./some/package
//	uml [-kernel linux.uml] [-modules NAME,...] [-mem 512M] [-limit 2m] PROGRAM [ARG...]
//
// The program sees the machine's file system, its own loopback interface and
// an empty TMPDIR in memory; it runs as root, in the working directory and with
// the environment of uml. Its output comes as it is written, on standard output,
// and its exit code is that of uml; 125 says that the kernel or the guest failed.
//
// Everything ends by itself: the guest powers off when the program ended or the
// limit passed, and the whole process group is killed soon after. The kernel
// and its modules are those of Debian's package user-mode-linux.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// exitFailed is the exit code when there is none of the program.
const exitFailed = 125

func main() {
	if os.Getpid() == 1 && os.Getenv(jobEnv) != "" {
		guest(os.Getenv(jobEnv))
	}
	kernel := flag.String("kernel", "linux.uml", "the kernel, a program")
	modules := flag.String("modules", "", "load these kernel modules, and what they depend on, first")
	memory := flag.String("mem", "512M", "memory of the guest")
	limit := flag.Duration("limit", 2*time.Minute, "for the program")
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	dir, err := os.Getwd()
	if err != nil {
		fail(err)
	}
	j := job{
		Args:  flag.Args(),
		Dir:   dir,
		Env:   os.Environ(),
		Limit: *limit,
	}
	if *modules != "" {
		j.Modules = strings.Split(*modules, ",")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	code, err := run(ctx, *kernel, *memory, j)
	if err != nil {
		fail(err)
	}
	os.Exit(code)
}

func fail(err error) {
	if errors.Is(err, errNoKernel) {
		err = fmt.Errorf("%w (Debian package user-mode-linux)", err)
	}
	fmt.Fprintln(os.Stderr, "uml:", err)
	os.Exit(exitFailed)
}

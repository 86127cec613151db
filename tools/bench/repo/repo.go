// Package repo finds the repository that a bench program runs in and builds
// programs from it into tools/bench/out, which git ignores.
package repo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

var errRoot = errors.New("repo: no go.work in this directory or above")

// A Repo is the repository.
type Repo struct {
	Root string // absolute
	Out  string // tools/bench/out in it; programs are in bin below
}

// Find finds it from the current directory and makes the output directories.
func Find() (Repo, error) {
	dir, err := os.Getwd()
	if err != nil {
		return Repo{}, err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			return Repo{}, errRoot
		}
		dir = filepath.Dir(dir)
	}
	r := Repo{Root: dir, Out: filepath.Join(dir, "tools", "bench", "out")}
	return r, os.MkdirAll(filepath.Join(r.Out, "bin"), 0o755)
}

// Program returns the path of a program that Build builds.
func (r Repo) Program(name string) string { return filepath.Join(r.Out, "bin", name) }

// Build runs a command in the repository that makes a program; its argument
// "OUT" stands for the program's path.
func (r Repo) Build(ctx context.Context, name string, command ...string) error {
	command = slices.Clone(command)
	for i, arg := range command {
		if arg == "OUT" {
			command[i] = r.Program(name)
		}
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = r.Root
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(string(said)))
	}
	return nil
}

//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// moduleRoots are where Debian keeps modules, of user-mode Linux and of others.
var moduleRoots = []string{"/usr/lib/uml/modules", "/lib/modules"}

// loadModules loads modules of the running kernel by name, each after those that
// it depends on. Those that are loaded already need nothing.
func loadModules(names []string) error {
	if len(names) == 0 {
		return nil
	}
	dir, depends, err := openDepends()
	if err != nil {
		return err
	}
	defer depends.Close()
	paths, err := findModules(depends, names)
	if err != nil {
		return err
	}
	for _, p := range paths {
		if err := loadModule(filepath.Join(dir, p)); err != nil {
			return err
		}
	}
	return nil
}

func openDepends() (dir string, f *os.File, err error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "", nil, err
	}
	release := unix.ByteSliceToString(u.Release[:])
	var errs []error
	for _, root := range moduleRoots {
		dir := filepath.Join(root, release)
		f, err := os.Open(filepath.Join(dir, "modules.dep"))
		if err == nil {
			return dir, f, nil
		}
		errs = append(errs, err)
	}
	return "", nil, errors.Join(errs...)
}

// findModules reads lines of a modules.dep, "module: what it depends on, the
// nearest first", and returns paths in the order of loading.
func findModules(depends io.Reader, names []string) (paths []string, err error) {
	lines := make(map[string][]string)
	s := bufio.NewScanner(depends)
	for s.Scan() {
		path, needs, _ := strings.Cut(s.Text(), ":")
		lines[moduleName(path)] = append([]string{path}, strings.Fields(needs)...)
	}
	if err := s.Err(); err != nil {
		return nil, err
	}
	for _, name := range names {
		line := lines[moduleName(name)]
		if line == nil {
			return nil, fmt.Errorf("kernel module %s: not in modules.dep", name)
		}
		for i := len(line) - 1; i >= 0; i-- {
			paths = append(paths, line[i])
		}
	}
	return paths, nil
}

// moduleName is a module's name as the kernel spells it.
func moduleName(path string) string {
	name, _, _ := strings.Cut(filepath.Base(path), ".ko")
	return strings.ReplaceAll(name, "-", "_")
}

func loadModule(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.FinitModule(int(f.Fd()), "", 0); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("load %s: %w", path, err)
	}
	return nil
}

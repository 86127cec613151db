package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A difference is what two trees of files do not have in common, by relative names.
type difference struct {
	equal     int
	missing   []string // not in the second one
	different []string // of other content
	more      []string // not in the first one
}

// String counts, and names the first few of each kind.
func (d difference) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d files equal", d.equal)
	for _, kind := range []struct {
		word  string
		names []string
	}{{"missing", d.missing}, {"different", d.different}, {"more", d.more}} {
		fmt.Fprintf(&b, ", %d %s", len(kind.names), kind.word)
		if n := min(5, len(kind.names)); n > 0 {
			fmt.Fprintf(&b, " %q", kind.names[:n])
		}
	}
	return b.String()
}

// compare compares the files of two trees byte for byte.
func compare(want, got string) (d difference, err error) {
	theirs, err := listFiles(got)
	if err != nil {
		return d, err
	}
	ours, err := listFiles(want)
	if err != nil {
		return d, err
	}
	for name := range theirs {
		if !ours[name] {
			d.more = append(d.more, name)
		}
	}
	for name := range ours {
		if !theirs[name] {
			d.missing = append(d.missing, name)
			continue
		}
		same, err := sameContent(filepath.Join(want, name), filepath.Join(got, name))
		if err != nil {
			return d, err
		}
		if same {
			d.equal++
		} else {
			d.different = append(d.different, name)
		}
	}
	return d, nil
}

// listFiles returns the relative names of all regular files below dir.
func listFiles(dir string) (map[string]bool, error) {
	names := map[string]bool{}
	return names, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		names[rel] = true
		return err
	})
}

func sameContent(a, b string) (bool, error) {
	x, err := os.ReadFile(a)
	if err != nil {
		return false, err
	}
	y, err := os.ReadFile(b)
	return bytes.Equal(x, y), err
}

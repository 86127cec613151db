package archtest

import (
	"go/build/constraint"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
)

// opposite maps each allowed constraint to the one that a file beside it must
// have; an empty one needs none, because its files replace nothing. Few
// constraints make few builds, and all of those are tested.
var opposite = map[string]string{
	"cgo && !purego":           "!cgo || purego",
	"!cgo || purego":           "cgo && !purego",
	"linux && cgo && !purego":  "!linux || !cgo || purego",
	"!linux || !cgo || purego": "linux && cgo && !purego",
	"linux":                    "",
	"!linux":                   "linux",
	"hyperionpoison":           "!hyperionpoison",
	"!hyperionpoison":          "hyperionpoison",
	"race":                     "!race",
	"!race":                    "race",
	"ignore":                   "",
}

// oppositeInNative is the same below native, where a unit may just be absent
// and where instruction sets are chosen.
var oppositeInNative = map[string]string{
	"cgo && !purego":                     "",
	"cgo && !purego && !amd64 && !arm64": "",
	"linux && cgo && !purego":            "",
	"!cgo && !purego":                    "cgo && !purego",
	"purego":                             "!purego",
	"!purego":                            "purego",
}

const maxHeader = 50 // lines in which a constraint is looked for

// constraintOf returns the normal form of a file's //go:build line, or "linux"
// when its name says that, or "".
func constraintOf(name string, text []byte) (string, error) {
	n := 0
	for line := range strings.Lines(string(text)) {
		if n++; n > maxHeader || strings.HasPrefix(line, "package ") {
			break
		}
		if line = strings.TrimSpace(line); constraint.IsGoBuild(line) || constraint.IsPlusBuild(line) {
			expr, err := constraint.Parse(line)
			if err != nil {
				return "", err
			}
			return expr.String(), nil
		}
	}
	if base := strings.TrimSuffix(name, path.Ext(name)); strings.HasSuffix(base, "_linux") {
		return "linux", nil
	}
	return "", nil
}

// source is one constrained file.
type source struct{ path, constraint string }

// checkConstraints returns what is wrong with the constraints of the files of
// one folder.
func checkConstraints(dir string, files []source) (complaints []string) {
	native := underAny(dir, []string{"native/..."})
	for _, f := range files {
		allowed := opposite
		if native {
			allowed = oppositeInNative
		}
		other, ok := allowed[f.constraint]
		switch {
		case !ok:
			complaints = append(complaints, f.path+": the build constraint \""+f.constraint+"\" is not one of those allowed")
		case other != "" && !slices.ContainsFunc(files, func(g source) bool { return g.constraint == other }):
			complaints = append(complaints, f.path+": no file beside it is for \""+other+"\"")
		}
	}
	return complaints
}

func TestBuildConstraints(t *testing.T) {
	folders := make(map[string][]source)
	eachFile(t, func(name string, text []byte) {
		c, err := constraintOf(name, text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if c != "" {
			dir := path.Dir(name)
			folders[dir] = append(folders[dir], source{name, c})
		}
	}, ".go", ".s")
	for _, dir := range slices.Sorted(maps.Keys(folders)) {
		for _, complaint := range checkConstraints(dir, folders[dir]) {
			t.Error(complaint)
		}
	}
}

// Instruction sets are mechanism: files of one architecture are native's only.
func TestArchitectureSuffixes(t *testing.T) {
	eachFile(t, func(name string, _ []byte) {
		base := strings.TrimSuffix(strings.TrimSuffix(name, ".go"), "_test")
		for _, arch := range []string{"_amd64", "_arm64", "_386", "_arm", "_riscv64"} {
			if strings.HasSuffix(base, arch) && !strings.HasPrefix(name, "native/") {
				t.Errorf("%s is for one architecture, outside native", name)
			}
		}
	}, ".go")
}

// C files carry the constraint on their first line: without it a package whose
// Go files do not use cgo in some build fails there, "C source files not allowed".
func TestCFiles(t *testing.T) {
	files, err := tree()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if !strings.HasSuffix(name, ".c") || strings.HasPrefix(name, "third_party/") || strings.HasPrefix(name, "tools/") {
			continue
		}
		if !strings.HasPrefix(name, "native/") {
			t.Errorf("%s: C outside native", name)
		}
		first, _, _ := strings.Cut(read(t, name), "\n")
		if expr, err := constraint.Parse(first); err != nil || !strings.HasSuffix(expr.String(), "cgo && !purego") {
			t.Errorf("%s: line 1 is %q, want //go:build [linux &&] cgo && !purego", name, first)
		}
	}
}

func TestConstraintOf(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"a.go", "package a\n", ""},
		{"a.go", "//go:build   cgo&&!purego\n\npackage a\n", "cgo && !purego"},
		{"a.go", "// Text.\n\n//go:build ignore\npackage a\n", "ignore"},
		{"a.go", "// +build race\n\npackage a\n", "race"},
		{"a.go", "package a\n\n//go:build race\n", ""},
		{"a_linux.go", "package a\n", "linux"},
		{"a_linux_test.go", "package a\n", ""},
	} {
		if got, err := constraintOf(c.name, []byte(c.text)); got != c.want || err != nil {
			t.Errorf("%s %q: %q, %v; want %q", c.name, c.text, got, err, c.want)
		}
	}
}

func TestCheckConstraints(t *testing.T) {
	for _, c := range []struct {
		dir         string
		constraints string
		complaints  int
	}{
		{"leaf", "cgo && !purego,!cgo || purego", 0},
		{"leaf", "cgo && !purego", 1},
		{"leaf", "amd64", 1},
		{"leaf", "purego", 1},
		{"leaf", "linux", 0},
		{"leaf", "!linux", 1},
		{"leaf", "linux,!linux", 0},
		{"leaf", "hyperionpoison", 1},
		{"native/x", "cgo && !purego", 0},
		{"native/x", "hyperionpoison,!hyperionpoison", 2},
		{"native/x", "!purego", 1},
	} {
		var files []source
		for text := range strings.SplitSeq(c.constraints, ",") {
			files = append(files, source{c.dir + "/x.go", text})
		}
		if got := checkConstraints(c.dir, files); len(got) != c.complaints {
			t.Errorf("%s with %s: complaints %q, want %d", c.dir, c.constraints, got, c.complaints)
		}
	}
}

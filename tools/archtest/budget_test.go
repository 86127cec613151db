package archtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"strings"
	"testing"
)

// Budgets. They warn: what is over one should have a reason.
const (
	maxFileLines = 500
	maxFuncLines = 80
	maxMainLines = 40 // of a command's main.go
	maxExported  = 20 // functions and types of a leaf
)

var leaves = []string{"hpack", "wsframe", "pagecache"}

var generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

func TestBudgets(t *testing.T) {
	exported := make(map[string]int)
	eachFile(t, func(name string, text []byte) {
		if generated.Match(text) {
			return
		}
		warnings, names, err := measure(name, text)
		if err != nil {
			t.Error(err)
		}
		for _, w := range warnings {
			t.Log("budget: ", w)
		}
		exported[path.Dir(name)] += names
	}, ".go")
	for _, leaf := range leaves {
		if n := exported[leaf]; n > maxExported {
			t.Logf("budget: %s exports %d functions and types, more than %d", leaf, n, maxExported)
		}
	}
}

// measure returns what in a Go file is over budget, and how many functions and
// types it exports.
func measure(name string, text []byte) (warnings []string, exported int, err error) {
	lines := bytes.Count(text, []byte("\n"))
	most := maxFileLines
	if strings.HasPrefix(name, "cmd/") && path.Base(name) == "main.go" {
		most = maxMainLines
	}
	if lines > most {
		warnings = append(warnings, fmt.Sprintf("%s has %d lines, more than %d", name, lines, most))
	}
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, text, parser.SkipObjectResolution)
	if err != nil {
		return warnings, 0, err
	}
	test := strings.HasSuffix(name, "_test.go")
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			first, last := set.Position(d.Pos()).Line, set.Position(d.End()).Line
			if n := last - first + 1; n > maxFuncLines && !test {
				warnings = append(warnings, fmt.Sprintf("%s:%d: %s has %d lines, more than %d", name, first, d.Name, n, maxFuncLines))
			}
			if !test && d.Recv == nil && d.Name.IsExported() {
				exported++
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				if s, ok := s.(*ast.TypeSpec); ok && !test && s.Name.IsExported() {
					exported++
				}
			}
		}
	}
	return warnings, exported, nil
}

func TestMeasure(t *testing.T) {
	long := func(n int) string { return strings.Repeat("\n", n) }
	for _, c := range []struct {
		name, text string
		warnings   int
		exported   int
	}{
		{"a/a.go", "package a\n\ntype T int\n\nfunc (T) M() {}\n\nfunc F() {}\n\nfunc f() {}\n", 0, 2},
		{"a/a_test.go", "package a\n\nfunc TestF() {" + long(maxFuncLines) + "}\n", 0, 0},
		{"a/a.go", "package a\n\nfunc f() {" + long(maxFuncLines-1) + "}\n", 0, 0},
		{"a/a.go", "package a\n\nfunc f() {" + long(maxFuncLines) + "}\n", 1, 0},
		{"a/a.go", "package a\n" + long(maxFileLines), 1, 0},
		{"a/main.go", "package main\n" + long(maxMainLines), 0, 0},
		{"cmd/a/main.go", "package main\n" + long(maxMainLines), 1, 0},
	} {
		warnings, exported, err := measure(c.name, []byte(c.text))
		if err != nil || len(warnings) != c.warnings || exported != c.exported {
			t.Errorf("%s: warnings %q, %d exported, %v; want %d and %d", c.name, warnings, exported, err, c.warnings, c.exported)
		}
	}
}

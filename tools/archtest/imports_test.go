package archtest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const product = "github.com/hyperion-server/hyperion"

// A graph is the content of imports.txt.
type graph struct {
	never   []rule
	imports map[string][]string // by package, sorted
	tests   []string            // modules that tests may import besides
}

// A rule forbids packages to depend on others, whatever lies between.
type rule struct {
	from, to []string
	why      string
}

// parseGraph reads the format that the head of imports.txt explains.
func parseGraph(r io.Reader) (g graph, err error) {
	g.imports = make(map[string][]string)
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line, why, _ := strings.Cut(lines.Text(), "#")
		left, right, ok := strings.Cut(line, ":")
		froms, tos := strings.Fields(left), strings.Fields(right)
		switch {
		case strings.TrimSpace(line) == "":
		case !ok || len(froms) == 0:
			return g, fmt.Errorf("line %d: want \"package: imports\"", n)
		case froms[0] == "never":
			if len(froms) < 2 || len(tos) == 0 || strings.TrimSpace(why) == "" {
				return g, fmt.Errorf("line %d: want \"never from: to # why\"", n)
			}
			g.never = append(g.never, rule{froms[1:], tos, strings.TrimSpace(why)})
		case froms[0] == "tests":
			g.tests = append(g.tests, tos...)
		case len(froms) > 1:
			return g, fmt.Errorf("line %d: one package a line", n)
		default:
			if _, twice := g.imports[froms[0]]; twice {
				return g, fmt.Errorf("line %d: %s twice", n, froms[0])
			}
			slices.Sort(tos)
			g.imports[froms[0]] = tos
		}
	}
	return g, lines.Err()
}

// A pkg is what go list says of one package, with the standard library left
// out, modules of others by their path and packages of ours without ours.
type pkg struct {
	path                string
	imports, deps, test []string
}

// list runs go list over the product as one who downloads it would.
func list(t *testing.T, env []string, flags ...string) (pkgs []pkg) {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-test", "-deps", "-json=ImportPath,ForTest,Standard,Module,Imports,Deps,TestImports,XTestImports"}, append(flags, "./...")...)...)
	cmd.Dir = root
	cmd.Env = append(append(os.Environ(), "GOWORK=off"), env...)
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		t.Fatalf("%s: %s", cmd, exit.Stderr)
	} else if err != nil {
		t.Fatal(err)
	}
	return parseList(t, out)
}

func parseList(t *testing.T, out []byte) (pkgs []pkg) {
	t.Helper()
	type entry struct {
		ImportPath, ForTest                      string
		Standard                                 bool
		Module                                   *struct{ Path string }
		Imports, Deps, TestImports, XTestImports []string
	}
	var entries []entry
	name := make(map[string]string) // by import path; none for the standard library
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var e entry
		if err := d.Decode(&e); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
		if e.Module != nil && e.Module.Path == product {
			name[e.ImportPath] = strings.TrimPrefix(e.ImportPath, product+"/")
		} else if e.Module != nil {
			name[e.ImportPath] = e.Module.Path
		}
	}
	names := func(paths ...string) (list []string) {
		for _, p := range paths {
			if n := name[p]; n != "" && !slices.Contains(list, n) {
				list = append(list, n)
			}
		}
		slices.Sort(list)
		return list
	}
	for _, e := range entries {
		ours := e.Module != nil && e.Module.Path == product
		if ours && e.ForTest == "" && !strings.HasSuffix(e.ImportPath, ".test") {
			pkgs = append(pkgs, pkg{name[e.ImportPath], names(e.Imports...), names(e.Deps...),
				names(append(e.TestImports, e.XTestImports...)...)})
		}
	}
	return pkgs
}

// builds are the ways to build the product that may have imports of their own.
var builds = []struct {
	name  string
	env   []string
	flags []string
}{
	{"linux", []string{"GOOS=linux"}, nil},
	{"purego", []string{"GOOS=linux"}, []string{"-tags=purego"}},
	{"nocgo", []string{"GOOS=linux", "CGO_ENABLED=0"}, nil},
	{"poison", []string{"GOOS=linux"}, []string{"-tags=hyperionpoison"}},
	{"other system", []string{"GOOS=darwin", "CGO_ENABLED=0"}, nil},
}

func readGraph(t *testing.T) graph {
	t.Helper()
	file, err := os.Open("imports.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	g, err := parseGraph(file)
	if err != nil {
		t.Fatal("imports.txt: ", err)
	}
	return g
}

func TestImports(t *testing.T) {
	g := readGraph(t)
	real := make(map[string][]string) // imports in any build
	tests := make(map[string]bool)
	complaints := make(map[string]string) // with the build that showed it last
	for _, b := range builds {
		for _, p := range list(t, b.env, b.flags...) {
			real[p.path] = append(real[p.path], p.imports...)
			for _, m := range p.test {
				tests[m] = true
			}
			for _, c := range g.check(p) {
				complaints[c] = b.name
			}
		}
	}
	for c, build := range complaints {
		t.Errorf("%s build: %s", build, c)
	}
	for path, listed := range g.imports {
		if _, ok := real[path]; !ok {
			t.Errorf("imports.txt lists %s, which does not exist", path)
			continue
		}
		for _, imp := range listed {
			if !slices.Contains(real[path], imp) {
				t.Errorf("imports.txt: %s does not import %s", path, imp)
			}
		}
	}
	for path, imports := range real {
		slices.Sort(imports)
		if _, ok := g.imports[path]; !ok {
			t.Errorf("imports.txt does not list the package %s; its line would be\n%s: %s",
				path, path, strings.Join(slices.Compact(imports), " "))
		}
	}
	for _, m := range g.tests {
		if !tests[m] {
			t.Errorf("imports.txt: no test imports %s", m)
		}
	}
}

// check compares a package with the graph.
func (g *graph) check(p pkg) (complaints []string) {
	listed, ok := g.imports[p.path]
	for _, imp := range p.imports {
		if ok && !slices.Contains(listed, imp) {
			complaints = append(complaints, fmt.Sprintf("%s imports %s, which imports.txt does not allow", p.path, imp))
		}
	}
	for _, r := range g.never {
		for _, dep := range append(p.deps, p.test...) {
			if underAny(p.path, r.from) && underAny(dep, r.to) && dep != p.path {
				complaints = append(complaints, fmt.Sprintf("%s or its tests depend on %s: %s", p.path, dep, r.why))
			}
		}
	}
	for _, m := range p.test {
		if isModule(m) && !slices.Contains(listed, m) && !slices.Contains(g.tests, m) {
			complaints = append(complaints, fmt.Sprintf("tests of %s import %s, which imports.txt does not allow", p.path, m))
		}
	}
	return complaints
}

// isModule tells a module of others from a package of ours: it has a host.
func isModule(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return strings.Contains(first, ".")
}

// Each module that the product or its tests import has its reason in writing.
func TestImports_justified(t *testing.T) {
	g := readGraph(t)
	rationale := read(t, "docs/RATIONALE.md")
	for _, list := range append(slices.Collect(maps.Values(g.imports)), g.tests) {
		for _, m := range list {
			if isModule(m) && !strings.Contains(rationale, "| `"+m+"`") && !strings.Contains(rationale, ", `"+m+"`") {
				t.Errorf("docs/RATIONALE.md does not say why %s is there", m)
			}
		}
	}
}

func TestGraph_check(t *testing.T) {
	g, err := parseGraph(strings.NewReader(`
# a comment
never leaf/...: top/... # leaves stand alone
tests: example.org/test
leaf/a: example.org/used
top:    leaf/a
`))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"leaf/a", "top"}; !slices.Equal(slices.Sorted(maps.Keys(g.imports)), want) {
		t.Errorf("packages %v, want %v", g.imports, want)
	}
	for _, c := range []struct {
		name       string
		p          pkg
		complaints int
	}{
		{"as listed", pkg{path: "leaf/a", imports: []string{"example.org/used"}}, 0},
		{"module not listed", pkg{path: "leaf/a", imports: []string{"example.org/other"}}, 1},
		{"package not listed", pkg{path: "top", imports: []string{"leaf/b"}}, 1},
		{"forbidden at a distance", pkg{path: "leaf/a", deps: []string{"top/inner"}}, 1},
		{"forbidden in tests", pkg{path: "leaf/a", test: []string{"top"}}, 1},
		{"allowed in tests", pkg{path: "leaf/a", test: []string{"example.org/test"}}, 0},
		{"module not listed in tests", pkg{path: "top", test: []string{"example.org/used"}}, 1},
	} {
		if got := g.check(c.p); len(got) != c.complaints {
			t.Errorf("%s: complaints %q, want %d", c.name, got, c.complaints)
		}
	}
	for _, bad := range []string{"no colon", "a b: c", "a: b\na: c", "never a: b", "never a: # why", ": b"} {
		if _, err := parseGraph(strings.NewReader(bad)); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

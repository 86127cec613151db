package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// public are the packages that programs import.
var public = []string{"goserver", "goserver/accesslog", "hpack", "hubnats", "pagecache", "pagecache/httpcache", "wsframe"}

// A reader of `go doc` sees neither methods nor fields of a type whose name only stands for
// one of an internal package: its comment must name them.
func TestAliases_documented(t *testing.T) {
	found := 0
	for _, dir := range public {
		for _, a := range aliases(parsed(t, dir)) {
			found++
			for _, name := range members(parsed(t, a.dir), a.target) {
				if !slices.Contains(known(a.comment), name) && !regexp.MustCompile(`\b`+name+`\b`).MatchString(a.comment) {
					t.Errorf("%s.%s stands for %s.%s: its comment does not name %s", dir, a.name, a.dir, a.target, name)
				}
			}
		}
	}
	if found == 0 {
		t.Error("there are no aliases of internal types: this test is for nothing")
	}
}

// known returns the methods that a comment tells of by the name of an interface of io.
func known(comment string) (methods []string) {
	if strings.Contains(comment, "an io.WriteCloser") {
		methods = append(methods, "Write", "Close")
	}
	return methods
}

// parsed returns the files of a package, without tests.
func parsed(t *testing.T, dir string) (files []*ast.File) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: %d files, %v", dir, len(paths), err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// An alias is an exported name for a type of an internal package.
type alias struct {
	name, comment string
	dir, target   string // package and name of the type
}

func aliases(files []*ast.File) (all []alias) {
	for _, file := range files {
		for _, decl := range file.Decls {
			group, ok := decl.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range group.Specs {
				typ, ok := spec.(*ast.TypeSpec)
				if !ok || !typ.Assign.IsValid() || !typ.Name.IsExported() {
					continue
				}
				if to, ok := typ.Type.(*ast.SelectorExpr); ok {
					if dir := internalDir(file, to.X.(*ast.Ident).Name); dir != "" {
						all = append(all, alias{typ.Name.Name, group.Doc.Text() + typ.Doc.Text(), dir, to.Sel.Name})
					}
				}
			}
		}
	}
	return all
}

// internalDir returns the directory of the internal package that a file imports under
// that name, "" if it is another one.
func internalDir(file *ast.File, name string) string {
	for _, imp := range file.Imports {
		path, _ := strconv.Unquote(imp.Path.Value)
		dir, ours := strings.CutPrefix(path, product+"/")
		if ours && strings.Contains(dir, "internal/") && (imp.Name == nil && filepath.Base(dir) == name || imp.Name != nil && imp.Name.Name == name) {
			return dir
		}
	}
	return ""
}

// members returns the exported fields and methods of a type, but for Error, which
// all errors have.
func members(files []*ast.File, name string) []string {
	names := map[string]bool{}
	note := func(id *ast.Ident) {
		if id.IsExported() && id.Name != "Error" {
			names[id.Name] = true
		}
	}
	for _, file := range files {
		for _, decl := range file.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Recv != nil && receiver(d) == name {
					note(d.Name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if typ, ok := spec.(*ast.TypeSpec); ok && typ.Name.Name == name {
						eachField(typ.Type, note)
					}
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

func receiver(d *ast.FuncDecl) string {
	typ := d.Recv.List[0].Type
	if to, ok := typ.(*ast.StarExpr); ok {
		typ = to.X
	}
	id, _ := typ.(*ast.Ident)
	if id == nil {
		return ""
	}
	return id.Name
}

func eachField(typ ast.Expr, note func(*ast.Ident)) {
	if s, ok := typ.(*ast.StructType); ok {
		for _, field := range s.Fields.List {
			for _, id := range field.Names {
				note(id)
			}
		}
	}
}

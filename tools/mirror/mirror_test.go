package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// odd are names that a careless link, server or crawler gets wrong.
var odd = []string{"plain.txt", "two words.txt", "what?.txt", "a#b.txt", "a+b&c.txt", "grün.txt", "deep/er/x.html", ".hidden", "empty"}

func tree(t *testing.T) string {
	dir := filepath.Join(t.TempDir(), "tree")
	for _, name := range odd {
		file := filepath.Join(dir, name)
		os.MkdirAll(filepath.Dir(file), 0o755)
		content := "content of " + name
		if name == "empty" {
			content = ""
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, time.Time{}, time.Unix(1_700_000_000, 0)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("plain.txt", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestMakeSite(t *testing.T) {
	from, to := tree(t), filepath.Join(t.TempDir(), "site")
	size, err := makeSite(to, []string{from, "/no/such/tree"}, len(odd))
	if err != nil || size.files != len(odd) {
		t.Fatalf("%+v, %v; want %d files", size, err, len(odd))
	}
	d, err := compare(from, filepath.Join(to, "tree"))
	if err != nil || d.equal != len(odd) || len(d.missing)+len(d.different)+len(d.more) > 0 {
		t.Errorf("%s, %v", d, err)
	}
	if fi, err := os.Stat(filepath.Join(to, "tree", "plain.txt")); err != nil || fi.Mode() != 0o644 || fi.ModTime().Unix() != 1_700_000_000 {
		t.Errorf("%v, %v", fi, err)
	}
	if _, err := makeSite(filepath.Join(t.TempDir(), "few"), []string{from}, len(odd)+1); err == nil {
		t.Error("no error for too few files")
	}
}

func TestCompare(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	for name, content := range map[string][2]string{"same": {"1", "1"}, "other": {"1", "2"}, "longer": {"1", "11"}, "gone": {"1", ""}, "new": {"", "1"}} {
		for i, dir := range []string{a, b} {
			if content[i] != "" {
				os.WriteFile(filepath.Join(dir, name), []byte(content[i]), 0o644)
			}
		}
	}
	d, err := compare(a, b)
	slices.Sort(d.different)
	if err != nil || d.equal != 1 || !slices.Equal(d.different, []string{"longer", "other"}) || !slices.Equal(d.missing, []string{"gone"}) || !slices.Equal(d.more, []string{"new"}) {
		t.Errorf("%s, %v", d, err)
	}
}

// A mirror through net/http's file server is equal, and judge says so; a
// byte that differs, a file that lacks and one too many are each found.
func TestMirror(t *testing.T) {
	if _, err := exec.LookPath("wget"); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	site, one, two := filepath.Join(dir, "site"), filepath.Join(dir, "1"), filepath.Join(dir, "2")
	if _, err := makeSite(site, []string{tree(t)}, len(odd)); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(http.FileServer(http.Dir(site)))
	defer s.Close()
	for _, to := range []string{one, two} {
		if err := mirror(t.Context(), s.URL+"/"+indexName, to); err != nil {
			t.Fatal(err)
		}
	}
	if err := judge(site, one, []string{two}); err != nil {
		t.Error(err)
	}
	file := filepath.Join(two, "tree", "plain.txt")
	for what, spoil := range map[string]func() error{
		"another byte": func() error { return os.WriteFile(file, []byte("content of plain-txt"), 0o644) },
		"no file":      func() error { return os.Remove(file) },
		"another file": func() error { return os.WriteFile(file+"?", nil, 0o644) },
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		if err := judge(site, one, []string{two}); err != errDiffer {
			t.Errorf("%s: %v, want errDiffer", what, err)
		}
		os.Remove(file + "?")
		os.WriteFile(file, []byte("content of plain.txt"), 0o644)
	}
}

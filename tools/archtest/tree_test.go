package archtest

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// root is the top of the repository, as seen from this package's folder.
const root = "../.."

// tree lists the files of the repository, by slash-separated paths from root:
// what git tracks or would, or in a copy without git all but hidden files.
var tree = sync.OnceValues(func() (files []string, err error) {
	if _, err := os.Stat(filepath.Join(root, ".git")); err == nil {
		git := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
		git.Dir = root
		out, err := git.Output()
		if err == nil {
			return strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 }), nil
		}
	}
	return files, fs.WalkDir(os.DirFS(root), ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != "." && path != ".ci" && (path == "bin" || strings.HasPrefix(d.Name(), ".")):
			return fs.SkipDir
		case d.Type().IsRegular():
			files = append(files, path)
		}
		return nil
	})
})

// eachFile calls f with the files that have one of the endings, or with all
// text files if there is none given.
func eachFile(t *testing.T, f func(path string, text []byte), endings ...string) {
	t.Helper()
	files, err := tree()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, path := range files {
		if !hasEnding(path, endings) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, path))
		if os.IsNotExist(err) {
			continue // deleted, but tracked still
		}
		if err != nil {
			t.Fatal(err)
		}
		if head := text[:min(len(text), 8000)]; bytes.IndexByte(head, 0) < 0 {
			seen++
			f(path, text)
		}
	}
	if seen == 0 {
		t.Fatalf("no file ends in %q", endings)
	}
}

func hasEnding(path string, endings []string) bool {
	for _, e := range endings {
		if strings.HasSuffix(path, e) {
			return true
		}
	}
	return len(endings) == 0
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// underAny reports whether path is one of the patterns, or below one that ends
// in "/...". The pattern "..." has all below it.
func underAny(path string, patterns []string) bool {
	for _, p := range patterns {
		if dir, all := strings.CutSuffix(p, "..."); path == p || all && strings.HasPrefix(path+"/", dir) {
			return true
		}
	}
	return false
}

package main

import (
	"bufio"
	"errors"
	"fmt"
	"html"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// indexName is the page with a link to every file, where the crawl begins.
const indexName = "all-files.html"

// An extent is how much a site has.
type extent struct {
	files int
	bytes int64
}

var errFew = errors.New("the trees have too few files")

// makeSite copies trees into dir, in directories of their last name, until there are as many
// files as wanted, and makes the page of links. Only regular files are copied,
// with their modification times, all readable by everyone.
func makeSite(dir string, trees []string, least int) (size extent, err error) {
	var names []string // relative to dir, with slashes
	for _, tree := range trees {
		if len(names) >= least {
			break
		}
		copied, err := copyTree(filepath.Join(dir, filepath.Base(tree)), tree)
		if err != nil {
			return size, err
		}
		for _, c := range copied {
			names = append(names, filepath.Base(tree)+"/"+c.name)
			size.bytes += c.size
		}
		size.files += len(copied)
	}
	if len(names) < least {
		return size, fmt.Errorf("%w: %d, want %d", errFew, len(names), least)
	}
	return size, writeIndex(filepath.Join(dir, indexName), names)
}

// copied is a file in a copied tree.
type copied struct {
	name string // relative, with slashes
	size int64
}

// copyTree copies a tree; one that is not there is empty.
func copyTree(to, from string) (all []copied, err error) {
	err = filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if path == from && errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !d.Type().IsRegular() || strings.Contains(d.Name(), "%") { // wget decodes a name that it saves once too often
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		size, err := copyFile(filepath.Join(to, rel), path)
		all = append(all, copied{filepath.ToSlash(rel), size})
		return err
	})
	return all, err
}

func copyFile(to, from string) (int64, error) {
	in, err := os.Open(from)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	fi, err := in.Stat()
	if err != nil {
		return 0, err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return 0, err
	}
	out, err := os.Create(to)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(out, in)
	return n, errors.Join(err, out.Close(), os.Chmod(to, 0o644), os.Chtimes(to, fi.ModTime(), fi.ModTime()))
}

// writeIndex makes a page that links to files by paths from the root of the site.
func writeIndex(name string, files []string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	fmt.Fprint(w, "<!doctype html>\n<meta charset=utf-8>\n<title>all files</title>\n")
	for _, file := range files {
		fmt.Fprintf(w, "<a href=\"%s\">%s</a>\n", html.EscapeString(escape(file)), html.EscapeString(file))
	}
	return errors.Join(w.Flush(), f.Close())
}

// escape makes the path of a URL from a name with slashes.
func escape(name string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return "/" + strings.Join(parts, "/")
}

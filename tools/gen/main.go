// Gen makes the tables of package hpack and of native/huffman from the two
// appendices of RFC 7541, which are beside it as text:
//
//	go run ./tools/gen
//
// It is run at the top of the repository. A test fails while a file differs
// from what it would make.
package main

import (
	_ "embed"
	"fmt"
	"log"
	"os"
	"path/filepath"
)

//go:embed huffman.txt
var appendixB string

//go:embed static.txt
var appendixA string

// A file is one that is made, by its path from the top of the repository.
type file struct {
	path string
	text []byte
}

// files makes all files.
func files() ([]file, error) {
	codes, err := parseCodes(appendixB)
	if err != nil {
		return nil, fmt.Errorf("huffman.txt: %w", err)
	}
	entries, err := parseEntries(appendixA)
	if err != nil {
		return nil, fmt.Errorf("static.txt: %w", err)
	}
	goHuffman, err := goHuffman(codes)
	if err != nil {
		return nil, err
	}
	goStatic, err := goStatic(entries)
	if err != nil {
		return nil, err
	}
	return []file{
		{"hpack/huffman_table.go", goHuffman},
		{"hpack/static_table.go", goStatic},
		{"native/huffman/huffman_table.h", cHuffman(codes)},
	}, nil
}

func main() {
	log.SetFlags(0)
	made, err := files()
	if err != nil {
		log.Fatal("gen: ", err)
	}
	for _, f := range made {
		if err := os.WriteFile(filepath.FromSlash(f.path), f.text, 0o644); err != nil {
			log.Fatal("gen: ", err)
		}
	}
}

//go:build !linux

package static

import "os"

// Opening tells how files are opened.
func Opening() string { return "os.Root" }

// newTree returns the tree below root.
func newTree(root *os.Root) (fileTree, error) { return rootTree{root}, nil }

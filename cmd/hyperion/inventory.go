package main

import (
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"
)

// inventoryTime bounds the count of a site's files, so that the boot report
// does not wait for a large one.
const inventoryTime = 30 * time.Millisecond

// An inventory is how much a directory holds.
type inventory struct {
	files    int
	bytes    int64
	complete bool // counted to the end
}

func takeInventory(dir string, within time.Duration) inventory {
	inv, start := inventory{complete: true}, time.Now()
	fs.WalkDir(os.DirFS(dir), ".", func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil // what cannot be read is not served
		}
		if time.Since(start) > within {
			inv.complete = false
			return fs.SkipAll
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			inv.files++
			inv.bytes += info.Size()
		}
		return nil
	})
	return inv
}

func (inv inventory) String() string {
	what := "files"
	if inv.files == 1 {
		what = "file"
	}
	if !inv.complete {
		return fmt.Sprintf("more than %s %s", grouped(inv.files), what)
	}
	return fmt.Sprintf("%s %s, %s", grouped(inv.files), what, size(inv.bytes))
}

// grouped writes a number with a blank between thousands.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}

// size writes a number of bytes with one decimal of the largest unit below it.
func size(n int64) string {
	units := []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	if n < 1024 {
		return fmt.Sprint(n, " B")
	}
	f := float64(n) / 1024
	for f >= 1024 {
		f /= 1024
		units = units[1:]
	}
	return fmt.Sprintf("%.1f %s", f, units[0])
}

package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/format"
	"strings"
)

// An entry is one line of Appendix A.
type entry struct{ name, value string }

// parseEntries reads Appendix A, and returns the entries from index 1 on.
func parseEntries(text string) (entries []entry, err error) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		index, field, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if index != fmt.Sprint(len(entries)+1) {
			return nil, fmt.Errorf("%q: want index %d", line, len(entries)+1)
		}
		name, value, _ := strings.Cut(field, " ")
		entries = append(entries, entry{name, value})
	}
	return entries, nil
}

// The names are found by a hash of no collisions: some octets and the length
// make a number, which is multiplied.
const hashBits = 7

func hashKey(name string) uint32 {
	n := len(name)
	return uint32(n) | uint32(name[0])<<8 | uint32(name[n/2])<<16 | uint32(name[n-1])<<24
}

func hash(key, factor uint32) uint32 { return key * factor >> (32 - hashBits) }

// perfect returns a factor for which no two names have the same hash, and the
// index of the first entry of the name for each hash.
func perfect(entries []entry) (factor uint32, first [1 << hashBits]int, err error) {
	const tries = 1 << 24
next:
	for factor = 0x9e3779b1; factor != 0x9e3779b1+2*tries; factor += 2 {
		clear(first[:])
		for i, e := range entries {
			h := hash(hashKey(e.name), factor)
			if first[h] == 0 {
				first[h] = i + 1
			} else if entries[first[h]-1].name != e.name {
				continue next
			}
		}
		return factor, first, nil
	}
	return 0, first, errors.New("no hash without collisions was found")
}

// goStatic makes the static table of package hpack.
func goStatic(entries []entry) ([]byte, error) {
	factor, first, err := perfect(entries)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "// "+notice+"\n\npackage hpack\n\n", "A")
	fmt.Fprintf(&b, "// See static.go for what the tables hold.\n\n")
	fmt.Fprintf(&b, "const (\nstaticLen = %d\nstaticHashBits = %d\nstaticHashFactor = %#x\n)\n\n", len(entries), hashBits, factor)
	fmt.Fprintf(&b, "var staticTable = [staticLen + 1]staticEntry{\n")
	for i, e := range entries {
		fmt.Fprintf(&b, "%d: {%q, %q},\n", i+1, e.name, e.value)
	}
	fmt.Fprintf(&b, "}\n\nvar staticFirst = [1 << staticHashBits]uint8{\n")
	rows(&b, 16, len(first), func(i int) { fmt.Fprintf(&b, "%d, ", first[i]) })
	fmt.Fprintf(&b, "}\n")
	return format.Source(b.Bytes())
}

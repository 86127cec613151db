package semantics

import (
	"cmp"
	"encoding/binary"
	"net/http"
	"slices"
	"strings"
)

// A Line is a field name with its values.
type Line struct {
	Name   string
	Values []string
	start  uint64 // the first bytes of Name, in an order that is that of numbers
}

// SortedRoom is how many lines a caller of Sorted should have place for: most
// headers are shorter.
const SortedRoom = 24

// Sorted appends the fields of h whose names begin with prefix to lines, in the
// order of names.
func Sorted(lines []Line, h http.Header, prefix string) []Line {
	if len(h) > SortedRoom {
		return sortedLong(lines, h, prefix)
	}
	for name, values := range h { // insertion beats sort's indirection
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		l := Line{name, values, start(name)}
		i := len(lines)
		for lines = append(lines, l); i > 0 && l.before(&lines[i-1]); i-- {
			lines[i] = lines[i-1]
		}
		lines[i] = l
	}
	return lines
}

func sortedLong(lines []Line, h http.Header, prefix string) []Line {
	for name, values := range h {
		if strings.HasPrefix(name, prefix) {
			lines = append(lines, Line{Name: name, Values: values})
		}
	}
	slices.SortFunc(lines, func(a, b Line) int { return cmp.Compare(a.Name, b.Name) })
	return lines
}

func start(name string) uint64 {
	var b [8]byte
	copy(b[:], name)
	return binary.BigEndian.Uint64(b[:])
}

func (l *Line) before(m *Line) bool {
	return l.start < m.start || l.start == m.start && l.Name < m.Name
}

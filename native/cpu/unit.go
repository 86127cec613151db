package cpu

import (
	"runtime"
	"slices"
	"strings"
)

// A unit is one C unit: a folder of native.
type unit struct {
	name string
	os   string // the only system it is for; "": all
	arch string // the architectures that it is for, between spaces; "": all
	off  string // why it is off unless Env names it; "": it is on
}

// units are in the order of native's folders.
var units = []unit{
	{name: "fileio", os: "linux", off: "no faster than Go: the time goes to the kernel"},
	{name: "huffman", off: "no faster than Go for fields of usual length"},
	{name: "pagewrite", os: "linux", off: "slower than Go: a call of C costs more than it saves"},
	{name: "unmask", arch: "amd64 arm64"},
	{name: "utf8", arch: "amd64 arm64"},
}

// missing says why this build has no native code of the unit, "" if it has.
func (u *unit) missing() string {
	switch {
	case whyNotBuilt != "":
		return whyNotBuilt
	case u.os != "" && u.os != runtime.GOOS:
		return "needs " + u.os
	case u.arch != "" && !slices.Contains(strings.Fields(u.arch), runtime.GOARCH):
		return "needs one of " + u.arch
	}
	return ""
}

// lookup returns the unit of that name. One that is not listed is for all
// systems and on.
func lookup(name string) unit {
	for _, u := range units {
		if u.name == name {
			return u
		}
	}
	return unit{name: name}
}

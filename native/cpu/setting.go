package cpu

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
)

// Env is the environment variable that switches units. Its items, separated by
// commas, apply from left to right: "off" and "on" mean all units, "-name"
// switches one off and "name" on. So "-huffman" spares one unit, and
// "off,unmask" allows one. It is read once; units are on unless named.
const Env = "HYPERION_NATIVE"

// ErrUnknownUnit is an item of Env that names no unit.
var ErrUnknownUnit = errors.New("cpu: " + Env + " names an unknown unit")

// Enabled reports whether the native code of a unit may be called and, when it
// may not, why. It costs a lookup: ask once and keep the answer.
func Enabled(unit string) (on bool, why string) {
	u := lookup(unit)
	if why := u.missing(); why != "" {
		return false, why
	}
	return environ().enabled(&u)
}

// Check returns an error that wraps ErrUnknownUnit for each item of Env that
// no unit answers to. The other items apply nevertheless.
func Check() error { return environ().check(Names()) }

// A setting is the value of Env, split into its items.
type setting []string

var environ = sync.OnceValue(func() setting { return parse(os.Getenv(Env)) })

func parse(value string) (s setting) {
	for item := range strings.SplitSeq(value, ",") {
		if item = strings.TrimSpace(item); item != "" {
			s = append(s, item)
		}
	}
	return s
}

func (s setting) enabled(u *unit) (on bool, why string) {
	for _, item := range slices.Backward(s) {
		switch item {
		case "on", u.name:
			return true, ""
		case "off", "-" + u.name:
			return false, Env + " says " + item
		}
	}
	return u.off == "", u.off
}

func (s setting) check(names []string) (err error) {
	for _, item := range s {
		name := strings.TrimPrefix(item, "-")
		if item == "on" || item == "off" || slices.Contains(names, name) {
			continue
		}
		err = errors.Join(err, fmt.Errorf("%w: %q; expected on, off or any of %q", ErrUnknownUnit, name, names))
	}
	return err
}

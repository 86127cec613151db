//go:build cgo && !purego

// Package utf8 checks UTF-8 in C. Its contract is in utf8.h.
package utf8

import "github.com/hyperion-server/hyperion/native/cpu"

// Name is the unit's name in HYPERION_NATIVE.
const Name = "utf8"

// enabled says whether the operator and the build allow the unit.
var enabled, why = cpu.Enabled(Name)

// A Variant is one of the functions, for tests. Func returns how many octets of p
// it has found to be whole characters.
type Variant struct {
	Name      string
	Available bool // this CPU can run it
	Func      func(p []byte) int
}

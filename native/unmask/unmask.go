//go:build cgo && !purego

// Package unmask masks the payloads of WebSocket frames in C. Its contract is in
// unmask.h.
package unmask

import "github.com/hyperion-server/hyperion/native/cpu"

// Name is the unit's name in HYPERION_NATIVE.
const Name = "unmask"

// enabled says whether the operator and the build allow the unit.
var enabled, why = cpu.Enabled(Name)

// A Variant is one of the functions, for tests. Func masks data in place with
// key, whose lowest octet is for the first one.
type Variant struct {
	Name      string
	Available bool // this CPU can run it
	Func      func(data []byte, key uint32)
}

//go:build cgo && !purego && !amd64 && !arm64

package unmask

// Available is false: there is no code for this architecture.
const Available = false

// Why says why.
const Why = "no code for this architecture"

// Unmask must not be called.
func Unmask([]byte, uint32) { panic("unmask: " + Why) }

// Variants is empty.
var Variants []Variant

//go:build cgo && !purego && !amd64 && !arm64

package utf8

// Available is false: there is no code for this architecture.
const Available = false

// Why says why.
const Why = "no code for this architecture"

// Prefix must not be called.
func Prefix([]byte) int { panic("utf8: " + Why) }

// Variants is empty.
var Variants []Variant

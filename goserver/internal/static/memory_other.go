//go:build !linux

package static

import "math"

// memoryLimit returns no limit: it isn't known.
func memoryLimit() int64 { return math.MaxInt64 }

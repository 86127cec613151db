//go:build cgo && !purego

package unmask

import (
	"testing"

	"github.com/hyperion-server/hyperion/internal/fence"
)

// All lengths to a page and more, flush against both fences.
func TestFence(t *testing.T) {
	b := fence.Pages(t, 2)
	forVariants(t, func(t *testing.T, unmask func([]byte, uint32)) {
		for n := range 5000 {
			unmask(b[len(b)-n:], 0x01020304)
			unmask(b[:n:n], 0x01020304)
		}
	})
}

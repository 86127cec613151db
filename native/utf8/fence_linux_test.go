//go:build cgo && !purego

package utf8

import (
	"testing"

	"github.com/hyperion-server/hyperion/internal/fence"
)

// All lengths to a page and more, flush against both fences, of text and of what
// is cut within a character.
func TestFence(t *testing.T) {
	b := fence.Pages(t, 2)
	for i := range b {
		b[i] = "日a\U0001f600"[i%8]
	}
	forVariants(t, func(t *testing.T, prefix func([]byte) int) {
		for n := range 5000 {
			prefix(b[len(b)-n:])
			prefix(b[:n:n])
		}
	})
}

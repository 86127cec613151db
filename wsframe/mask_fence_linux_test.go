package wsframe

import (
	"testing"

	"github.com/hyperion-server/hyperion/internal/fence"
)

// All lengths lie against a fence, at their ends and at their starts.
func TestMask_fence(t *testing.T) {
	b := fence.Pages(t, 2)
	forMaskImpls(t, func(t *testing.T, impl maskImpl) {
		for n := 0; n <= 4200; n += lengthStep {
			impl.mask(b[len(b)-n:], 0x01020304)
			impl.mask(b[:n:n], 0x01020304)
		}
	})
}

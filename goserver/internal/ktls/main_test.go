package ktls

import (
	"testing"

	"github.com/hyperion-server/hyperion/internal/leaktest"
)

// TestMain fails when a test leaves a goroutine behind.
func TestMain(m *testing.M) { leaktest.Main(m) }

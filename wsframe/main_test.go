package wsframe

import (
	"fmt"
	"os"
	"testing"

	"github.com/hyperion-server/hyperion/native/cpu"
)

// TestMain fails when native code did not run that had to.
func TestMain(m *testing.M) {
	code := m.Run()
	if err := cpu.Unmet("unmask", "utf8"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

//go:build cgo && !purego

package wsframe

import (
	"github.com/hyperion-server/hyperion/native/cpu"
	"github.com/hyperion-server/hyperion/native/unmask"
)

var unmaskUse = cpu.UseOf(unmask.Name)

// minNativeMask is from how many octets on the native code is called.
const minNativeMask = 1024

func mask(data []byte, key uint32) {
	if unmask.Available && len(data) >= minNativeMask {
		unmaskUse.Note()
		unmask.Unmask(data, key)
		return
	}
	maskGeneric(data, key)
}

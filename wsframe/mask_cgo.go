//go:build cgo && !purego

package wsframe

import (
	"github.com/hyperion-server/hyperion/native/cpu"
	"github.com/hyperion-server/hyperion/native/unmask"
)

var unmaskUse = cpu.UseOf(unmask.Name)

// minNativeMask is from how many octets on native code is called: below, a call
// of C costs more than it saves. On 2 cores of an AMD EPYC, BenchmarkMask, least
// of 8 rounds, ns:
//
//	octets     1024   2048   4096   16384   65536   1 MiB
//	Go           33     62    115     462    1857   29952
//	SSE2                       92            1328   18549
//	AVX2         35     41     58     163     613   12250
//	AVX-512      45     51     65     177     608   11829
//
// So Go masks 35 GB/s, and AVX2 70 GB/s at 4 KiB.
const minNativeMask = 2048

func mask(data []byte, key uint32) {
	if unmask.Available && len(data) >= minNativeMask {
		unmaskUse.Note()
		unmask.Unmask(data, key)
		return
	}
	maskGeneric(data, key)
}

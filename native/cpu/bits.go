//go:build !purego

package cpu

import "github.com/klauspost/cpuid/v2"

// Feature bits of this machine; false on other architectures.
var (
	X86HasSSE42  = cpuid.CPU.Supports(cpuid.SSE42)
	X86HasAVX2   = cpuid.CPU.Supports(cpuid.AVX2)
	ARM64HasNEON = cpuid.CPU.Supports(cpuid.ASIMD)
)

const noFeatures = "this CPU has none of the instruction sets that units use"

//go:build !purego

package cpu

import "github.com/klauspost/cpuid/v2"

// Feature bits of this machine; false on other architectures. AVX512 is F and BW.
var (
	X86HasSSE42  = cpuid.CPU.Supports(cpuid.SSE42)
	X86HasAVX2   = cpuid.CPU.Supports(cpuid.AVX2)
	X86HasAVX512 = cpuid.CPU.Supports(cpuid.AVX512F, cpuid.AVX512BW)
	ARM64HasNEON = cpuid.CPU.Supports(cpuid.ASIMD)
)

const noFeatures = "this CPU has none of the instruction sets that units use"

//go:build purego

package cpu

// A constant expression takes only constants, and a map literal no key twice:
// this compiles only while every bit is the constant false.
const _ = X86HasSSE42 || X86HasAVX2 || X86HasAVX512 || ARM64HasNEON

var (
	_ = map[bool]bool{true: true, X86HasSSE42: true}
	_ = map[bool]bool{true: true, X86HasAVX2: true}
	_ = map[bool]bool{true: true, X86HasAVX512: true}
	_ = map[bool]bool{true: true, ARM64HasNEON: true}
)

//go:build purego

package cpu

// Feature bits, as constants so that the code behind them is not compiled in.
const (
	X86HasSSE42  = false
	X86HasAVX2   = false
	X86HasAVX512 = false
	ARM64HasNEON = false
)

const (
	whyNotBuilt = "built with -tags purego"
	noFeatures  = whyNotBuilt
)

//go:build race

package wsframe

// lengthStep is odd, so that all remainders come up. The race detector makes each
// octet cost more.
const lengthStep = 37

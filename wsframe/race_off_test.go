//go:build !race

package wsframe

// lengthStep is the step of tests over all lengths.
const lengthStep = 1

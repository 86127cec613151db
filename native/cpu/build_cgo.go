//go:build cgo && !purego

package cpu

const whyNotBuilt = ""

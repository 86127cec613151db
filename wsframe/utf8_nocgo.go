//go:build !cgo || purego

package wsframe

func utf8Prefix(p []byte) int { return utf8PrefixGeneric(p) }

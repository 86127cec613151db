//go:build !cgo || purego

package wsframe

func mask(data []byte, key uint32) { maskGeneric(data, key) }

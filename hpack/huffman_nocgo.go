//go:build !cgo || purego

package hpack

func huffmanEncode(dst []byte, s string) (n int, shorter bool) { return huffmanEncodeGeneric(dst, s) }

func (r *reader) decodeAhead() {}

package semantics

import "unsafe"

// Bytes returns the bytes of a string or slice; they must not be changed.
func Bytes[T []byte | string](p T) []byte {
	if b, ok := any(p).([]byte); ok {
		return b
	}
	s := string(p)
	return unsafe.Slice(unsafe.StringData(s), len(s))
}

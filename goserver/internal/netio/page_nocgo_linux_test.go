//go:build !cgo || purego

package netio

func nativePages() bool     { return false }
func nativePagesUsed() bool { return false }

//go:build !hyperionpoison

package h2

// poison does nothing in this build; with -tags hyperionpoison it overwrites memory
// that is about to be recycled.
func poison([]byte) {}

//go:build hyperionpoison

package semantics

// Poison overwrites memory that is about to be recycled, so that whoever kept
// a slice of it sees garbage at once instead of another request's bytes later.
func Poison(b []byte) {
	for i := range b {
		b[i] = 0xdb
	}
}

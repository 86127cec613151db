//go:build hyperionpoison

package h2

// poison overwrites memory that is about to be recycled, so that whoever kept
// a slice of it sees garbage at once instead of another request's bytes later.
func poison(b []byte) {
	for i := range b {
		b[i] = 0xdb
	}
}

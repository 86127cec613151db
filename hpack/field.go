package hpack

// HeaderField is one field line. Names are lower-case already: this package
// compares and sends them as they are.
type HeaderField struct {
	Name, Value []byte

	// Sensitive is a field that must never be put into a table, here or by an
	// intermediary: a never-indexed literal (RFC 7541 section 6.2.3).
	Sensitive bool
}

// entryOverhead is what a field counts besides its octets, in a dynamic table
// (RFC 7541 section 4.1) and in a header list (RFC 9113 section 6.5.2).
const entryOverhead = 32

// Size is what the field counts in a dynamic table and in a header list: its
// octets and 32.
func (f HeaderField) Size() int { return len(f.Name) + len(f.Value) + entryOverhead }

package hpack

import "strings"

// Indexing says what an Encoder may do with a field. Whatever it says,
// credentials are sent as with NeverIndex: Authorization, Proxy-Authorization,
// Set-Cookie, and Cookie below 20 octets. One who makes a peer send fields of his
// choice, and sees their length, could guess what is in the table beside them
// (RFC 7541 section 7.1.3).
type Indexing uint8

const (
	// Index lets the encoder put the field into its table when that seems
	// worth it. Values that mostly vary are sent as with NoIndex, see
	// SetIndexVarying. Of any other name the first value goes to the table.
	// Another one does if the newest value there was used again, or if it
	// comes twice in a row: so a name whose value is always another one, like a
	// request's id, takes one entry, and does not drive out the rest. A
	// field of more than half the table is not worth what it drives out.
	Index Indexing = iota

	// NoIndex sends a literal without indexing, unless the static table has
	// name and value: for what will not come again.
	NoIndex

	// NeverIndex sends a never-indexed literal, which no intermediary may
	// index either: for secrets.
	NeverIndex
)

// What a name of the static table is.
const (
	plain = iota
	credential
	varying
)

// minCookie is the length from which on a cookie is hard to guess piece by
// piece. Shorter ones are sent as credentials.
const minCookie = 20

// kinds are by the index of a name's first entry in the static table.
var kinds = func() (kinds [staticLen + 1]uint8) {
	for kind, names := range map[uint8][]string{
		credential: {"authorization", "proxy-authorization", "set-cookie"},
		varying: {"age", "content-length", "content-range", "date", "etag", "expires", "if-modified-since",
			"if-none-match", "if-range", "last-modified", "location", "range"},
	} {
		for _, name := range names {
			kinds[staticIndex(name)] = kind
		}
	}
	return kinds
}()

var (
	pathIndex   = staticIndex(":path")
	cookieIndex = staticIndex("cookie")
)

// never says whether a field is a credential. Its name has this index in the
// static table, or 0.
func never(static int, value string) bool {
	return kinds[static] == credential || static == cookieIndex && len(value) < minCookie
}

// varies says whether a field's value mostly is another one the next time.
func varies(static int, value string) bool {
	return kinds[static] == varying || static == pathIndex && strings.IndexByte(value, '?') >= 0
}

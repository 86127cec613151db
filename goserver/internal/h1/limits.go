package h1

import "bytes"

// Bounds that Limits uses where its field is zero.
const (
	DefaultChunkExtBytes = 256     // of one chunk
	DefaultTrailerBytes  = 8 << 10 // of one body
)

// Bounds that nobody needs to choose.
const (
	maxEmptyLines    = 2        // before a request line
	maxMethodBytes   = 32       // the longest registered method has 17
	maxChunkDigits   = 16       // of a chunk size, leading zeros included
	chunkExtOverdraw = 16 << 10 // bytes by which a body's chunk extensions may outweigh its data
)

// Limits bounds what a peer can make a server read. It is shared by
// connections and not written to.
type Limits struct {
	HeadBytes     int   // request line, fields and the blank line, with empty lines before them; above 0
	Fields        int   // header fields, and on their own trailer fields
	TargetBytes   int   // request target
	BodyBytes     int64 // content after decoding; negative: no limit
	ChunkExtBytes int   // extensions of one chunk; 0: DefaultChunkExtBytes
	TrailerBytes  int   // trailer section; 0: DefaultTrailerBytes
}

// Ready reports whether buf, of which Parse has found a start of seen bytes
// incomplete, is worth another Parse: a line has ended since, or a limit is
// reached. A byte that is wrong is thus found with the end of its line. Ready
// looks at the new bytes only, so that a head that comes byte by byte costs a
// parse a line, and Limits.Fields bounds their number.
func (h *Head) Ready(buf []byte, seen int, lim *Limits) bool {
	return len(buf) >= lim.HeadBytes ||
		!h.lineRead && len(buf) > lim.TargetBytes ||
		bytes.IndexByte(buf[seen:], '\n') >= 0
}

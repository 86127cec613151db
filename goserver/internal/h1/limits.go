package h1

import (
	"bytes"

	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// DefaultChunkExtBytes is Limits.ChunkExtBytes where that is zero.
const DefaultChunkExtBytes = 256

// Bounds that nobody needs to choose.
const (
	maxEmptyLines    = 2        // before a request line
	maxMethodBytes   = 32       // the longest registered method has 17
	maxChunkDigits   = 16       // of a chunk size, leading zeros included
	chunkExtOverdraw = 16 << 10 // bytes by which a body's chunk extensions may outweigh its data
)

// Ready reports whether buf, of which Parse has found a start of seen bytes
// incomplete, is worth another Parse: a line has ended since, or a limit is
// reached. A byte that is wrong is thus found with the end of its line. Ready
// looks at the new bytes only, so that a head that comes byte by byte costs a
// parse a line, and Limits.Fields bounds their number.
func (h *Head) Ready(buf []byte, seen int, lim *semantics.Limits) bool {
	return len(buf) >= lim.HeadBytes ||
		!h.lineRead && len(buf) > lim.TargetBytes ||
		bytes.IndexByte(buf[seen:], '\n') >= 0
}

package h2

import (
	"io"
	"net/http"

	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// ReadFrom sends the rest of a file, or of a part of one, without a copy of it,
// when the response has a known length. It copies everything else.
func (x *exchange) ReadFrom(src io.Reader) (int64, error) {
	return semantics.ReadFrom(x, src, x.sendFile)
}

// sendFile sends a range of a file when its length was promised; handled is false
// when no byte was sent.
func (x *exchange) sendFile(f semantics.File, off, n int64) (sent int64, err error, handled bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.st == nil || n <= semantics.HeldBytes {
		return 0, nil, false
	}
	w := &x.res
	if w.Status == 0 {
		x.writeHeader(http.StatusOK)
	}
	if w.Length < 0 || w.Written+n > w.Length || w.Head || !semantics.BodyAllowed(w.Status) {
		return 0, nil, false
	}
	if !x.headSent {
		sample := x.pad.buf
		if !w.Given.ContentType && len(sample) == 0 {
			sample = make([]byte, semantics.SniffLen)
			if _, err := f.ReadAt(sample, off); err != nil {
				return 0, nil, false
			}
		}
		if err := x.sendHead(false, len(sample), sample); err != nil {
			return 0, err, true
		}
	}
	if err := x.sendHeld(false); err != nil {
		return 0, err, true
	}
	sent, err = x.c.sendFile(x.st, f, off, n, false)
	w.Written += sent
	x.sent += sent
	f.Seek(off+sent, io.SeekStart)
	return sent, err, true
}

package h1

import (
	"io"
	"net/http"

	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// ReadFrom sends the rest of a file, or of a part of one, as a direct route
// would, when the response has a known length. It copies everything else.
func (w *response) ReadFrom(src io.Reader) (int64, error) {
	return semantics.ReadFrom(w, src, w.sendFile)
}

// sendFile sends a range of a file when nothing stands in the way of doing it
// by the rungs; handled is false when no byte was sent.
func (w *response) sendFile(f semantics.File, off, n int64) (sent int64, err error, handled bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.s
	if s == nil || w.hijacked || n <= semantics.HeldBytes {
		return 0, nil, false
	}
	if w.Status == 0 {
		w.writeHeader(http.StatusOK)
	}
	if w.Length < 0 || w.Written+n > w.Length || !semantics.BodyAllowed(w.Status) || w.Head {
		return 0, nil, false
	}
	if !w.headDone {
		sample, err := w.sample(f, off)
		if err != nil {
			return 0, nil, false
		}
		w.completeHead(false, len(sample), sample)
	}
	if w.chunking || w.Length < 0 { // the handler asked for both framings
		return 0, nil, false
	}
	w.sendBody(nil)
	sent = s.sendFile(f, off, n)
	w.Written += sent
	if w.Given.EventStream {
		s.flush()
	}
	f.Seek(off+sent, io.SeekStart)
	return sent, s.werr, true
}

// sample returns how the body starts, for the type of a response that has none:
// with what was written, or with the file from off.
func (w *response) sample(f io.ReaderAt, off int64) ([]byte, error) {
	if w.Given.ContentType || len(w.s.bodyBuf) > 0 {
		return w.s.bodyBuf, nil
	}
	b := make([]byte, semantics.SniffLen)
	_, err := f.ReadAt(b, off)
	return b, err
}

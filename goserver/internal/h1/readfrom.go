package h1

import (
	"io"
	"net/http"
	"os"
	"sync"

	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// ReadFrom sends the rest of a file, or of a part of one, as a direct route
// would, when the response has a known length. It copies everything else.
func (w *response) ReadFrom(src io.Reader) (int64, error) {
	if f, off, n, ok := fileRange(src); ok {
		if sent, err, handled := w.sendFile(f, off, n); handled {
			if limit, ok := src.(*io.LimitedReader); ok {
				limit.N -= sent
			}
			return sent, err
		}
	}
	buf := copyBuffers.Get().(*[copySize]byte)
	defer copyBuffers.Put(buf)
	return io.CopyBuffer(onlyWriter{w}, src, buf[:])
}

const copySize = 32 << 10

var copyBuffers = sync.Pool{New: func() any { return new([copySize]byte) }}

type onlyWriter struct{ io.Writer }

// A file is an *os.File, or what os wraps around one when io.Copy asks it to
// write itself.
type file interface {
	direct.File
	io.Seeker
	Stat() (os.FileInfo, error)
}

// fileRange finds the regular file behind a reader, as io.Copy and io.CopyN
// pass it, and the bytes of it that are to be read.
func fileRange(src io.Reader) (f file, off, n int64, ok bool) {
	limit, limited := src.(*io.LimitedReader)
	if limited {
		if src = limit.R; limit.N <= bodySize {
			return nil, 0, 0, false // it gathers with what else is written
		}
	}
	f, ok = src.(file)
	if !ok {
		return nil, 0, 0, false
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, 0, 0, false
	}
	if off, err = f.Seek(0, io.SeekCurrent); err != nil {
		return nil, 0, 0, false
	}
	n = max(0, info.Size()-off)
	if limited {
		n = min(n, limit.N)
	}
	return f, off, n, true
}

// sendFile sends a range of a file when nothing stands in the way of doing it
// by the rungs; handled is false when no byte was sent.
func (w *response) sendFile(f file, off, n int64) (sent int64, err error, handled bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.s
	if s == nil || w.hijacked || n <= bodySize {
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

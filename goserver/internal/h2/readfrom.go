package h2

import (
	"io"
	"net/http"
	"os"
	"sync"

	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// ReadFrom sends the rest of a file, or of a part of one, without a copy of it,
// when the response has a known length. It copies everything else.
func (x *exchange) ReadFrom(src io.Reader) (int64, error) {
	if f, off, n, ok := fileRange(src); ok {
		if sent, err, handled := x.sendFile(f, off, n); handled {
			if limit, ok := src.(*io.LimitedReader); ok {
				limit.N -= sent
			}
			return sent, err
		}
	}
	buf := copyBuffers.Get().(*[copySize]byte)
	defer copyBuffers.Put(buf)
	return io.CopyBuffer(onlyWriter{x}, src, buf[:])
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

// sendFile sends a range of a file when its length was promised; handled is false
// when no byte was sent.
func (x *exchange) sendFile(f file, off, n int64) (sent int64, err error, handled bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.st == nil || n <= bodySize {
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

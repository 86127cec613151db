package semantics

import (
	"io"
	"os"
	"sync"

	"github.com/hyperion-server/hyperion/goserver/internal/direct"
)

// HeldBytes is how many bytes of a response are held back so that Content-Length is known.
const HeldBytes = 4 << 10

// A File is an *os.File, or what os wraps around one when io.Copy asks it to
// write itself.
type File interface {
	direct.File
	io.Seeker
	Stat() (os.FileInfo, error)
}

// A FileSender sends n bytes of a file from off in a way of its own; handled is false when it
// sent none, and they must be written.
type FileSender func(f File, off, n int64) (sent int64, err error, handled bool)

// ReadFrom writes what src has to w: the rest of a file, or of a part of one, by send, if that
// handles it. Nothing but Write is called of w.
func ReadFrom(w io.Writer, src io.Reader, send FileSender) (int64, error) {
	if f, off, n, ok := fileRange(src); ok {
		if sent, err, handled := send(f, off, n); handled {
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

// fileRange finds the regular file behind a reader, as io.Copy and io.CopyN
// pass it, and the bytes of it that are to be read.
func fileRange(src io.Reader) (f File, off, n int64, ok bool) {
	limit, limited := src.(*io.LimitedReader)
	if limited {
		if src = limit.R; limit.N <= HeldBytes {
			return nil, 0, 0, false // it gathers with what else is written
		}
	}
	f, ok = src.(File)
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

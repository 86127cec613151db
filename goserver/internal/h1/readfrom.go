package h1

import (
	"io"
	"net/http"
	"os"
	"syscall"
)

// ReadFrom sends the rest of a file from the kernel when the response has a
// known length, and copies everything else.
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

type onlyWriter struct{ io.Writer }

// A file is an *os.File, or what os wraps around one when io.Copy asks it to
// write itself.
type file interface {
	io.Seeker
	syscall.Conn
	Stat() (os.FileInfo, error)
}

// fileRange finds the regular file behind a reader, as io.Copy and io.CopyN
// pass it, and the bytes of it that are to be read.
func fileRange(src io.Reader) (f file, off, n int64, ok bool) {
	limit, limited := src.(*io.LimitedReader)
	if limited {
		src = limit.R
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
// in the kernel; handled is false when no byte was sent.
func (w *response) sendFile(f file, off, n int64) (sent int64, err error, handled bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.s
	if s == nil || w.hijacked || n <= bodySize {
		return 0, nil, false
	}
	if w.status == 0 {
		if len(w.header["Content-Type"]) == 0 {
			return 0, nil, false // the copy path sniffs
		}
		w.writeHeader(http.StatusOK)
	}
	if w.contentLength < 0 || w.written+n > w.contentLength || !bodyAllowed(w.status) || w.head {
		return 0, nil, false
	}
	if !w.headDone {
		if !w.given.contentType && len(s.bodyBuf) == 0 {
			return 0, nil, false
		}
		w.completeHead(false, len(s.bodyBuf), s.bodyBuf)
	}
	if w.chunking || w.contentLength < 0 { // the handler asked for both framings
		return 0, nil, false
	}
	w.sendBody(nil)
	s.markFirstByte()
	if err := s.flush(); err != nil {
		return 0, err, true
	}
	sent, err, handled = s.conn.SendFile(f, off, n)
	if !handled {
		return 0, nil, false
	}
	w.written += sent
	s.sent += sent
	if err != nil {
		s.werr = err
	}
	f.Seek(off+sent, io.SeekStart)
	return sent, err, true
}

package netio

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"syscall"
)

// A Rung is a way to send the bytes of a file, of a ladder on which one that
// cannot go on leaves the rest to the next. The zero value stands for the best
// one that the connection and the length allow.
type Rung uint8

const (
	RungAuto     Rung = iota
	RungPage          // a response that is ready in memory: no file is read
	RungSmall         // read into the buffer of the head; both leave in one write
	RungSplice        // through a pipe; only when asked for
	RungSendfile      // within the kernel
	RungCopy          // read and written in pieces: TLS, and what the others cannot do

	Rungs int = iota // how many values there are
)

var rungNames = [Rungs]string{"auto", "page", "small", "splice", "sendfile", "copy"}

func (r Rung) String() string { return rungNames[r] }

// ErrUnknownRung reports a name that is none of a rung that can be asked for.
var ErrUnknownRung = errors.New("no way to send a file")

// ParseRung returns the rung of that name to ask SendFile for; "" is RungAuto.
func ParseRung(name string) (Rung, error) {
	if name == "" {
		return RungAuto, nil
	}
	for r, n := range rungNames {
		if n == name && Rung(r) != RungPage { // SendFile has no pages
			return Rung(r), nil
		}
	}
	return 0, fmt.Errorf("%w: %q; expected %s", ErrUnknownRung, name, strings.Join(RungNames(), ", "))
}

// RungNames returns what ParseRung takes.
func RungNames() (names []string) {
	for r, n := range rungNames {
		if Rung(r) != RungPage {
			names = append(names, n)
		}
	}
	return names
}

// MissingRung says why this system never uses a rung, "" if it does.
func MissingRung(r Rung) string { return missingRung(r) }

// A File is what SendFile reads: an *os.File of a regular file. Its offset is
// neither used nor moved.
type File interface {
	syscall.Conn
	io.ReaderAt
}

// Sizes of the ladder, in bytes.
const (
	SmallMax      = 64 << 10  // longer pieces of a file are never RungSmall
	adviseMin     = 256 << 10 // from here on the kernel is told that the file is read in order
	headRoom      = 16 << 10  // of a fileBuffer, for the head before SmallMax
	copyWaiting   = 16 << 10  // held while a connection waits in Write: a TLS record
	fileBufferLen = headRoom + SmallMax
)

type fileBuffer [fileBufferLen]byte

var fileBuffers = sync.Pool{New: func() any { return new(fileBuffer) }}

// fillPiece puts as much of head and then of the n bytes of f from off into b as
// there is room for. It returns how much that is, and an error when the file gave
// none of its bytes though some were wanted.
func fillPiece(b, head []byte, f io.ReaderAt, off, n int64) (filled int, err error) {
	h := copy(b, head)
	room := min(int64(len(b)-h), n)
	if h < len(head) || room == 0 {
		return h, nil
	}
	m, err := f.ReadAt(b[h:h+int(room)], off)
	if m > 0 {
		return h + m, nil
	}
	if err == io.EOF {
		err = ErrFileShrank
	}
	return h, err
}

// sendByCopy is SendFile for connections whose Write waits.
func sendByCopy(w io.Writer, head []byte, f File, off, n int64) (sent int64, err error) {
	b := fileBuffers.Get().(*fileBuffer)
	defer fileBuffers.Put(b)
	advise(f, off, n)
	for len(head) > 0 || n > 0 {
		filled, rerr := fillPiece(b[:copyWaiting], head, f, off, n)
		wrote, err := w.Write(b[:filled])
		h := min(wrote, len(head))
		head = head[h:]
		m := int64(wrote - h)
		off, n, sent = off+m, n-m, sent+m
		if err == nil {
			err = rerr
		}
		if err != nil {
			return sent, err
		}
	}
	return sent, nil
}

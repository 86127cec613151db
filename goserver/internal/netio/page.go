package netio

import (
	"bufio"
	"sync"
)

// A PageRef is one prebuilt response of a WritePages call: a whole page, or one
// without its body.
type PageRef struct {
	Bytes []byte
	Date  int // where in Bytes the slot of DateLen bytes starts
}

// MaxPages is how many pages leave in one system call; more go in further calls.
const MaxPages = 16

// pageGather is how many bytes of a WritePages call a plainConn copies
// together at a time: what one TLS record holds.
const pageGather = 16 << 10

var pageWriters = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, pageGather) }}

// WritePages gathers by copying: a net.Conn that is not a socket makes a write,
// and TLS a record, of each piece.
func (c *plainConn) WritePages(ahead []byte, date *[DateLen]byte, pages []PageRef) error {
	w := pageWriters.Get().(*bufio.Writer)
	w.Reset(c)
	w.Write(ahead)
	for i := range pages {
		p := &pages[i]
		w.Write(p.Bytes[:p.Date])
		w.Write(date[:])
		w.Write(p.Bytes[p.Date+DateLen:])
	}
	err := w.Flush() // reports the error of the writes before, too
	w.Reset(nil)
	pageWriters.Put(w)
	return err
}

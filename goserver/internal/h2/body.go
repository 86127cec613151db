package h2

import (
	"sync"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// A body is what has come of the content of a request and was not read yet. The
// windows bound it. It is guarded by the lock of the connection.
type body struct {
	first, last *piece
	n           int   // bytes held
	open        int64 // what the peer may still send, of the stream's window
	taken       int64 // read by the handler, but not yet given back to the peer
	declared    int64 // by Content-Length; -1: not
	total       int64 // bytes that came
	limit       int64 // of total; negative: none
	unwanted    bool  // nobody will read what comes
	err         error // behind what is held: io.EOF at the end

	waitingAt time.Duration // since when a reader waits; 0: none does
	waited    time.Duration // how long readers have waited in all
}

// A piece is a part of a body.
type piece struct {
	next *piece
	r, w int
	buf  [pieceSize]byte
}

const pieceSize = 16<<10 - 32

var piecePool = sync.Pool{New: func() any { return new(piece) }}

func (p *piece) free() {
	semantics.Poison(p.buf[:p.w])
	p.next, p.r, p.w = nil, 0, 0
	piecePool.Put(p)
}

// add appends p, which came in its window.
func (b *body) add(p []byte) {
	b.n += len(p)
	for len(p) > 0 {
		if b.last == nil || b.last.w == pieceSize {
			n := piecePool.Get().(*piece)
			if b.last == nil {
				b.first = n
			} else {
				b.last.next = n
			}
			b.last = n
		}
		m := copy(b.last.buf[b.last.w:], p)
		b.last.w += m
		p = p[m:]
	}
}

// take moves what is held into p.
func (b *body) take(p []byte) (n int) {
	for b.first != nil && n < len(p) {
		f := b.first
		m := copy(p[n:], f.buf[f.r:f.w])
		f.r += m
		n += m
		if f.r == f.w {
			if b.first = f.next; b.first == nil {
				b.last = nil
			}
			f.free()
		}
	}
	b.n -= n
	return n
}

// discard drops what is held and will come, and returns the bytes whose place in
// the window of the connection is free again.
func (b *body) discard() int64 {
	n := int64(b.n)
	for b.first != nil {
		f := b.first
		b.first = f.next
		f.free()
	}
	b.last, b.n, b.unwanted = nil, 0, true
	return n
}

// breakOff is discard for a body that is lost: who reads on sees err, also where the end
// had come behind what was held.
func (b *body) breakOff(err error) int64 {
	if b.n > 0 || b.err == nil {
		b.err = err
	}
	return b.discard()
}

// fail ends the body with err, behind what is held.
func (b *body) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

package netio

import (
	"bytes"
	"encoding/binary"
	"sync"
)

// Sizes of TLS records in bytes (RFC 8446 §5.1, §5.2; RFC 5246 §6.2.3).
const (
	recordHeader  = 5
	maxPlain      = 16 << 10        // plaintext of one record
	maxCiphertext = maxPlain + 2048 // after the header
	recordSpace   = 32 << 10        // of a pooled buffer: any record, and much of the next ones
)

var recordSpaces = sync.Pool{New: func() any { return new([recordSpace]byte) }}

// A recordBuffer holds ciphertext between the socket and crypto/tls, which gets
// it record by record. It has memory only while it holds something or is being
// filled. Any goroutine may use it, one at a time.
type recordBuffer struct {
	b      []byte // b[r:w] is unread
	r, w   int
	begun  int // bytes left of the record that is being handed out
	pooled *[recordSpace]byte
}

func (b *recordBuffer) unread() []byte { return b.b[b.r:b.w] }

// space returns room to read into: for a whole record at least, together with
// what is there of it.
func (b *recordBuffer) space() []byte {
	if b.pooled == nil {
		b.pooled = recordSpaces.Get().(*[recordSpace]byte)
		b.w = copy(b.pooled[:], b.unread())
		b.b, b.r = b.pooled[:], 0
	}
	if b.r > 0 && len(b.b)-b.r < recordHeader+maxCiphertext || b.r == b.w {
		b.w = copy(b.b, b.unread())
		b.r = 0
	}
	return b.b[b.w:]
}

// next returns how many bytes may be handed out without reaching beyond a record:
// 0 while the record is not whole. Of what is no record, or too long for one, it
// is the header, by which crypto/tls will tell.
func (b *recordBuffer) next() int {
	if b.begun > 0 {
		return b.begun
	}
	u := b.unread()
	if len(u) < recordHeader {
		return 0
	}
	n := int(binary.BigEndian.Uint16(u[3:]))
	switch {
	case u[1] != 3 || n > maxCiphertext:
		return recordHeader
	case len(u) < recordHeader+n:
		return 0
	}
	return recordHeader + n
}

// read copies into p what next allows.
func (b *recordBuffer) read(p []byte) int {
	b.begun = b.next()
	n := copy(p, b.b[b.r:b.r+b.begun])
	b.r += n
	b.begun -= n
	return n
}

// rest copies into p what there is, whole or not.
func (b *recordBuffer) rest(p []byte) int {
	n := copy(p, b.unread())
	b.r += n
	b.begun = max(b.begun-n, 0)
	return n
}

// shrink gives memory back that is not needed for what is unread.
func (b *recordBuffer) shrink() {
	if b.pooled == nil {
		return
	}
	var rest []byte
	if b.r < b.w {
		rest = bytes.Clone(b.unread())
	}
	recordSpaces.Put(b.pooled)
	*b = recordBuffer{b: rest, w: len(rest), begun: b.begun}
}

package wsframe

import (
	"sync"
	"sync/atomic"
)

// A PreparedMessage is a message that a server sends to many clients: its frame
// is made once, and once for each size of window that they agreed on. All
// methods may be called at any time from any goroutine.
type PreparedMessage struct {
	opcode   Opcode
	header   int // octets of the header in frame
	frame    []byte
	deflated atomic.Pointer[deflatedFrames] // nil until somebody asks
}

// deflatedFrames are those of a message, by the size of the window.
type deflatedFrames [maxWindowBits + 1]struct {
	once  sync.Once
	frame []byte
}

// NewPreparedMessage returns a message of the type Text or Binary. The payload is
// copied. Neither is checked: who takes an opcode from elsewhere asks [Opcode.Data],
// and Text must be UTF-8.
func NewPreparedMessage(op Opcode, payload []byte) *PreparedMessage {
	h := Header{Fin: true, Opcode: op, Length: uint64(len(payload))}
	frame := h.Append(make([]byte, 0, MaxHeader+len(payload)))
	m := &PreparedMessage{opcode: op, header: len(frame)}
	m.frame = append(frame, payload...)
	return m
}

// Opcode returns the message's type.
func (m *PreparedMessage) Opcode() Opcode { return m.opcode }

// Payload returns the message. It must not be changed.
func (m *PreparedMessage) Payload() []byte { return m.frame[m.header:] }

// Frame returns the frame as it goes out without compression. It must not be
// changed.
func (m *PreparedMessage) Frame() []byte { return m.frame }

// Deflated returns the frame as it goes out compressed, by a server whose Window
// was agreed, and for [Compressor.Sent] to hear of. ok is false if that is not
// shorter; then Frame is for this client too. The frame must not be changed.
func (m *PreparedMessage) Deflated(own Window) (frame []byte, ok bool) {
	all := m.deflated.Load()
	if all == nil {
		m.deflated.CompareAndSwap(nil, new(deflatedFrames))
		all = m.deflated.Load()
	}
	bits := bitsFor(own.bits(), len(m.Payload()))
	d := &all[bits]
	d.once.Do(func() {
		c := NewCompressor(Window{MaxBits: bits, NoContextTakeover: true})
		if payload, ok := c.Append(nil, m.Payload()); ok {
			h := Header{Fin: true, RSV1: true, Opcode: m.opcode, Length: uint64(len(payload))}
			d.frame = append(h.Append(make([]byte, 0, MaxHeader+len(payload))), payload...)
		}
	})
	return d.frame, d.frame != nil
}

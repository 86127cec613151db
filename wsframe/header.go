package wsframe

import (
	"encoding/binary"
	"fmt"
)

// An Opcode says what a frame is (RFC 6455 section 11.8).
type Opcode uint8

// The opcodes that are defined. All others are reserved.
const (
	Continuation Opcode = 0x0
	Text         Opcode = 0x1
	Binary       Opcode = 0x2
	Close        Opcode = 0x8
	Ping         Opcode = 0x9
	Pong         Opcode = 0xa
)

// Control reports whether frames with this opcode are control frames (section 5.5).
func (op Opcode) Control() bool { return op&0x8 != 0 }

// Data reports whether a frame with this opcode starts a message (section 5.6).
func (op Opcode) Data() bool { return op == Text || op == Binary }

func (op Opcode) known() bool { return op <= Binary || op >= Close && op <= Pong }

// String returns the opcode's name, in lower case.
func (op Opcode) String() string {
	switch op {
	case Continuation:
		return "continuation"
	case Text:
		return "text"
	case Binary:
		return "binary"
	case Close:
		return "close"
	case Ping:
		return "ping"
	case Pong:
		return "pong"
	}
	return fmt.Sprintf("reserved opcode 0x%X", uint8(op))
}

const (
	// MaxHeader is how many octets a header has at most.
	MaxHeader = 14

	// MaxControl is how many octets the payload of a control frame has at
	// most (RFC 6455 section 5.5).
	MaxControl = 125
)

// A Header is what stands before the payload of a frame (RFC 6455 section 5.2).
type Header struct {
	Length uint64 // octets of the payload
	Key    [4]byte
	Opcode Opcode
	Fin    bool // the last frame of its message
	RSV1   bool // the message is compressed (RFC 7692 section 6)
	RSV2   bool
	RSV3   bool
	Masked bool // the payload is masked with Key

	extended uint8 // octets of extended payload length that were read
}

const (
	finBit  = 0x80
	rsv1Bit = 0x40
	rsv2Bit = 0x20
	rsv3Bit = 0x10
	maskBit = 0x80

	length16 = 126 // two octets of extended payload length follow
	length64 = 127 // eight
)

// ParseHeader reads the header that b starts with. If b has it whole, ok is true
// and the payload starts at b[n]. If not, n is how many octets it has at least,
// which is more than len(b), and h is not to be used.
//
// It takes any header, also one that breaks rules: [Check] tells.
func ParseHeader(b []byte) (h Header, n int, ok bool) {
	if len(b) < 2 {
		return Header{}, 2, false
	}
	length := b[1] &^ maskBit
	n = 2
	switch length {
	case length16:
		n += 2
	case length64:
		n += 8
	}
	h.extended = uint8(n - 2)
	h.Masked = b[1]&maskBit != 0
	if h.Masked {
		n += len(h.Key)
	}
	if len(b) < n {
		return Header{}, n, false
	}
	h.Fin = b[0]&finBit != 0
	h.RSV1 = b[0]&rsv1Bit != 0
	h.RSV2 = b[0]&rsv2Bit != 0
	h.RSV3 = b[0]&rsv3Bit != 0
	h.Opcode = Opcode(b[0] & 0xf)
	switch length {
	case length16:
		h.Length = uint64(binary.BigEndian.Uint16(b[2:]))
	case length64:
		h.Length = binary.BigEndian.Uint64(b[2:])
	default:
		h.Length = uint64(length)
	}
	if h.Masked {
		copy(h.Key[:], b[n-len(h.Key):n])
	}
	return h, n, true
}

// Append appends the header to dst, at most [MaxHeader] octets, with the length
// in as few octets as it takes.
func (h Header) Append(dst []byte) []byte {
	b0 := byte(h.Opcode) & 0xf
	if h.Fin {
		b0 |= finBit
	}
	if h.RSV1 {
		b0 |= rsv1Bit
	}
	if h.RSV2 {
		b0 |= rsv2Bit
	}
	if h.RSV3 {
		b0 |= rsv3Bit
	}
	b1 := byte(0)
	if h.Masked {
		b1 = maskBit
	}
	switch minExtended(h.Length) {
	case 0:
		dst = append(dst, b0, b1|byte(h.Length))
	case 2:
		dst = append(dst, b0, b1|length16, byte(h.Length>>8), byte(h.Length))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, b0, b1|length64), h.Length)
	}
	if h.Masked {
		dst = append(dst, h.Key[:]...)
	}
	return dst
}

// minExtended is how few octets of extended payload length say n.
func minExtended(n uint64) uint8 {
	switch {
	case n < length16:
		return 0
	case n < 1<<16:
		return 2
	}
	return 8
}

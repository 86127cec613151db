package wsframe

import "math"

// A State is what the frames of one peer have been so far, and what was agreed
// with it. The zero value is a server's, without extensions and limits, before
// the first frame. It is for one goroutine at a time.
type State struct {
	// Client says that this end is the client.
	Client bool

	// Deflate says that permessage-deflate was agreed.
	Deflate bool

	// MaxMessage is how many octets the frames of a message may have
	// together. Those of a compressed one may have eight times as many: it is
	// for the Decompressor to limit what comes out, and a peer that flushes
	// after every octet sends more than that. 0 is no limit.
	MaxMessage int

	received   uint64 // octets of the open message, as its headers say
	message    Opcode // of the open message; Continuation if there is none
	compressed bool
	closed     bool // a Close frame came
}

// compressedSlack is how many times MaxMessage a compressed message may have.
const compressedSlack = 8

// Open reports whether a message has begun and not ended.
func (s *State) Open() bool { return s.message != Continuation }

// Check holds the header of the peer's next frame against the rules of RFC 6455
// section 5 and of RFC 7692 section 6, without a look at the payload. The error
// is nil or an [*Error], of which each rule has its own; after one, the
// connection is to be failed with its code (RFC 6455 section 7.1.7).
//
// It is a pure function. When a frame is taken, [State.Advance] is next.
func Check(h Header, s State) error {
	switch {
	case s.closed:
		return ErrAfterClose
	case h.RSV2 || h.RSV3:
		return ErrRSV
	case !h.Opcode.known():
		return ErrOpcode
	case h.RSV1 && !s.Deflate:
		return ErrRSV1
	case h.RSV1 && h.Opcode.Control():
		return ErrRSV1Control
	case h.RSV1 && h.Opcode == Continuation:
		return ErrRSV1Continuation
	case !h.Masked && !s.Client:
		return ErrNotMasked
	case h.Masked && s.Client:
		return ErrMasked
	case h.Length>>63 != 0:
		return ErrLengthHighBit
	case h.extended > minExtended(h.Length):
		return ErrLengthNotMinimal
	}
	if h.Opcode.Control() {
		switch {
		case h.Length > MaxControl:
			return ErrControlTooLong
		case !h.Fin:
			return ErrControlFragmented
		}
		return nil
	}
	switch {
	case h.Opcode == Continuation && !s.Open():
		return ErrNoMessage
	case h.Opcode != Continuation && s.Open():
		return ErrMessageOpen
	case s.exceeds(h):
		return ErrMessageTooBig
	}
	return nil
}

// exceeds reports whether a message is over the limit with the frame.
func (s *State) exceeds(h Header) bool {
	limit := uint64(s.MaxMessage)
	if h.RSV1 || s.compressed {
		limit = compressedSlack * min(limit, math.MaxUint64/compressedSlack)
	}
	return limit > 0 && (h.Length > limit || s.received > limit-h.Length)
}

// Advance takes a frame that [Check] has found good. It returns the type of the
// message that the frame is of and whether that is compressed, or the opcode of
// a control frame.
func (s *State) Advance(h Header) (op Opcode, compressed bool) {
	if h.Opcode.Control() {
		s.closed = s.closed || h.Opcode == Close
		return h.Opcode, false
	}
	if h.Opcode != Continuation {
		s.message, s.compressed = h.Opcode, h.RSV1
	}
	op, compressed = s.message, s.compressed
	s.received += h.Length
	if h.Fin {
		s.message, s.compressed, s.received = Continuation, false, 0
	}
	return op, compressed
}

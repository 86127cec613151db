package wsframe

// An Error is a rule that a peer broke. All are variables of this package.
type Error struct {
	code   CloseCode
	reason string
}

// Error returns the rule, after the package's name.
func (e *Error) Error() string { return "wsframe: " + e.reason }

// Code is the status code to close the connection with.
func (e *Error) Code() CloseCode { return e.code }

// Reason is the rule in a few words of ASCII, good for a Close frame.
func (e *Error) Reason() string { return e.reason }

// What [Check] returns. Sections are of RFC 6455, unless another is named.
var (
	// ErrAfterClose is a frame behind a Close frame (section 5.5.1).
	ErrAfterClose = &Error{CloseProtocolError, "frame after close"}

	// ErrRSV is RSV2 or RSV3 set, which no extension defines (section 5.2).
	ErrRSV = &Error{CloseProtocolError, "reserved bit set"}

	// ErrOpcode is a reserved opcode (section 5.2).
	ErrOpcode = &Error{CloseProtocolError, "reserved opcode"}

	// ErrRSV1 is RSV1 set without permessage-deflate (section 5.2).
	ErrRSV1 = &Error{CloseProtocolError, "compressed frame without extension"}

	// ErrRSV1Control is RSV1 set on a control frame (RFC 7692 section 6.1).
	ErrRSV1Control = &Error{CloseProtocolError, "compressed control frame"}

	// ErrRSV1Continuation is RSV1 set on a frame that is not the first of
	// its message (RFC 7692 section 6.1).
	ErrRSV1Continuation = &Error{CloseProtocolError, "compression bit on continuation"}

	// ErrNotMasked is a frame of a client that is not masked (section 5.1).
	ErrNotMasked = &Error{CloseProtocolError, "client frame not masked"}

	// ErrMasked is a frame of a server that is masked (section 5.1).
	ErrMasked = &Error{CloseProtocolError, "server frame masked"}

	// ErrLengthHighBit is a length of 2^63 or more (section 5.2).
	ErrLengthHighBit = &Error{CloseProtocolError, "length over 63 bits"}

	// ErrLengthNotMinimal is a length in more octets than it takes (section 5.2).
	ErrLengthNotMinimal = &Error{CloseProtocolError, "length not minimal"}

	// ErrControlTooLong is a control frame of more than 125 octets (section 5.5).
	ErrControlTooLong = &Error{CloseProtocolError, "control frame too long"}

	// ErrControlFragmented is a control frame without FIN (section 5.5).
	ErrControlFragmented = &Error{CloseProtocolError, "control frame fragmented"}

	// ErrNoMessage is a continuation when no message is open (section 5.4).
	ErrNoMessage = &Error{CloseProtocolError, "continuation without message"}

	// ErrMessageOpen is the start of a message within another (section 5.4).
	ErrMessageOpen = &Error{CloseProtocolError, "new message within a message"}

	// ErrMessageTooBig is a message over [State.MaxMessage] or
	// [Decompressor.MaxMessage] (section 7.4.1, 1009).
	ErrMessageTooBig = &Error{CloseMessageTooBig, "message too big"}
)

// What the payload of a frame can have wrong.
var (
	// ErrUTF8 is text, or the reason of a Close frame, that is not UTF-8
	// (section 8.1).
	ErrUTF8 = &Error{CloseInvalidPayload, "invalid UTF-8"}

	// ErrClosePayload is a Close frame with half a status code (section 5.5.1).
	ErrClosePayload = &Error{CloseProtocolError, "close payload of one octet"}

	// ErrCloseCode is a status code that must not be in a Close frame (section 7.4).
	ErrCloseCode = &Error{CloseProtocolError, "invalid close code"}

	// ErrInflate is the payload of a compressed message that is not DEFLATE
	// (RFC 7692 section 7.2.2).
	ErrInflate = &Error{CloseInvalidPayload, "inflate error"}

	// ErrRatio is a message that grows by more than [Decompressor.MaxRatio].
	ErrRatio = &Error{CloseMessageTooBig, "compressed bomb"}
)

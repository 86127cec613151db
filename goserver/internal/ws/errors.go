package ws

import (
	"errors"
	"fmt"

	"github.com/hyperion-server/hyperion/wsframe"
)

// Errors of a Conn, besides a *CloseError and what the connection breaks with.
var (
	// ErrClosing is what a write returns after Close was sent or has come, until the connection has ended: then it
	// returns why that has.
	ErrClosing = errors.New("websocket: closing")

	// ErrCloseTimeout reports a peer that did not answer Close in time.
	ErrCloseTimeout = errors.New("websocket: peer did not answer close")

	// ErrMessageType is a message to be sent that is neither text nor binary.
	ErrMessageType = errors.New("websocket: message is neither text nor binary")

	// ErrControlTooLong is a ping of more than 125 bytes (RFC 6455 §5.5).
	ErrControlTooLong = errors.New("websocket: control payload of more than 125 bytes")

	// ErrQueueFull is a message that found the queue full where the policy is Disconnect, or
	// a ping for which there was no room beyond that.
	ErrQueueFull = errors.New("websocket: outbound queue is full")

	// ErrDropped is a message that was dropped because the queue was full.
	ErrDropped = errors.New("websocket: message dropped, outbound queue is full")

	// ErrEngineReads is a read of a connection that the engine reads.
	ErrEngineReads = errors.New("websocket: messages go to the callbacks")

	// ErrReaderOpen is a read while a MessageReader is open.
	ErrReaderOpen = errors.New("websocket: a message is open in a reader")
)

// A CloseError says how the closing handshake ended a connection (RFC 6455 §7.1).
type CloseError struct {
	Code   wsframe.CloseCode // 1005 if the Close had none
	Reason string
	Remote bool // the peer began
}

// isClose reports whether err is the end of a closing handshake.
func isClose(err error) bool {
	e := (*CloseError)(nil)
	return errors.As(err, &e)
}

func (e *CloseError) Error() string {
	who := "closed"
	if e.Remote {
		who = "closed by the peer"
	}
	if e.Reason == "" {
		return fmt.Sprintf("websocket: %s: %v", who, e.Code)
	}
	return fmt.Sprintf("websocket: %s: %v: %q", who, e.Code, e.Reason)
}

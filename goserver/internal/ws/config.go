package ws

import (
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/netio"
	"github.com/hyperion-server/hyperion/wsframe"
)

// Config is what the sockets of one route share. It must not change while one is open.
// Durations and limits of 0 mean none.
type Config struct {
	MaxMessage   int           // bytes of a message that comes, after it was inflated
	MaxRatio     int           // of inflated bytes to compressed ones, in a message of more than 1 MiB
	IdleTimeout  time.Duration // without a byte from the peer: 1001
	PingInterval time.Duration // without a byte from the peer: a ping
	WriteTimeout time.Duration // in which the peer takes no byte: the connection is lost
	CloseTimeout time.Duration // for the peer's Close behind ours, and for what is queued before it
	QueueBytes   int           // of what waits to be written, above 0
	Full         Policy        // what becomes of a message that finds the queue full
	Fragment     int           // longer messages go out in frames of so many bytes
	CompressFrom int           // shorter messages are not compressed
}

// A Policy says what becomes of a message when as many bytes as may be wait to be
// written, because the peer is slow.
type Policy uint8

const (
	// Block has who writes wait until there is room.
	Block Policy = iota
	// DropOldest drops whole messages, the oldest first, of which no byte has left.
	DropOldest
	// Disconnect closes the connection with 1013 (Try Again Later).
	Disconnect
)

// A Handler is called by the engine for a Conn that it reads, by one goroutine at a time.
type Handler interface {
	// Message takes a message, which is valid until it returns.
	Message(op wsframe.Opcode, p []byte)
	Observer
}

// An Observer is told of what a Conn does by itself, by whoever reads it.
type Observer interface {
	Ping(payload []byte)
	Pong(payload []byte)

	// Closed is called once, when the connection has ended. The error is a *CloseError,
	// or what broke the connection.
	Closed(err error)
}

// Environment is what an Engine needs of its server.
type Environment struct {
	Clock *netio.Clock
	Logf  func(format string, args ...any)
}

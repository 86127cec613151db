package semantics

import (
	"net"
	"net/http"
	"time"
)

// A Transport carries the bytes of another protocol, in place of the request's: on
// the connection (RFC 9110 §7.8) or on the stream (RFC 8441 §5). Its methods mean what
// those of netio.Conn mean, which is one. One goroutine reads and one writes; any may
// call Abort. End is called once, when no other method runs or will be called.
type Transport interface {
	Read(p []byte) (int, error)
	ReadExpiry(at time.Duration)
	Next(p []byte, idle time.Duration) (n int, parked bool, err error)
	TryWritev(v ...[]byte) (n int64, err error)
	CanWrite() error
	WriteIdle(d time.Duration)
	MayBlock()
	CloseWrite() error
	Abort()
	End()
	RemoteAddr() net.Addr
}

// A Protocol serves a Transport. Its methods are called on goroutines of the pool.
type Protocol interface {
	// Returned is called when the handler that asked for the upgrade has returned, or
	// has not (ok is false): it panicked, or ended its goroutine.
	Returned(ok bool)

	// Serve is called when the transport, which Next has parked, has something
	// to be read, was aborted, or its idle time has passed.
	Serve()
}

// An Upgrader is an http.ResponseWriter whose request can go over to another protocol.
type Upgrader interface {
	// Settings returns those of the connection.
	Settings() *Config

	// Upgrade answers with a head of the given fields, and leaves the transport to p: with
	// 101 on HTTP/1.1, with 200 on a stream of HTTP/2. start is called before anything
	// leaves; ahead is what was read already, and is valid until start returns. Nothing may
	// be called of the response afterwards. The names of fields are canonical.
	Upgrade(fields http.Header, p Protocol, start func(t Transport, ahead []byte)) error
}

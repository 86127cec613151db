package netio

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"time"
)

// Errors of a Conn, besides those of the operating system.
var (
	// ErrReadExpired and ErrWriteExpired report that a read or write waited
	// past its expiry. Both answer true to Timeout.
	ErrReadExpired  error = &expiredError{"read"}
	ErrWriteExpired error = &expiredError{"write"}
	// ErrAborted reports that Abort was called: the server is closing.
	ErrAborted = errors.New("netio: connection aborted by the server")
	// ErrFileShrank reports that a file ended before the bytes promised of it.
	ErrFileShrank = errors.New("netio: file is shorter than the length promised")
)

type expiredError struct{ op string }

func (e *expiredError) Error() string        { return "netio: " + e.op + " deadline passed" }
func (e *expiredError) Timeout() bool        { return true }
func (e *expiredError) Temporary() bool      { return true }
func (e *expiredError) Is(target error) bool { return target == os.ErrDeadlineExceeded }

// A Conn is a connection as a protocol engine uses it. At any time it is
// either parked (no goroutine uses it, or by Rest: none reads) or served: then one goroutine reads and
// one (often the same) writes. Others may call Abort, Close, the deadlines and
// addresses of net.Conn, and Watch with Unwatch. Read blocks until a byte, the end, or the read expiry; Write until
// all is written or the write expiry passed.
type Conn interface {
	net.Conn

	// Writev writes the slices in order, in one system call when the peer
	// takes them all, and returns the bytes written.
	Writev(v ...[]byte) (int64, error)

	// TryWritev writes in order what the peer takes now, without waiting: n is
	// less than the sum of the slices, and err nil, when it takes no more. Then
	// what follows on this connection must start with the bytes left over: part of them
	// may be on its way already. Neither TryWritev nor Writev changes the bytes, but
	// they may change the elements of v.
	TryWritev(v ...[]byte) (n int64, err error)

	// CanWrite waits until the peer takes bytes again after a TryWritev that came
	// short, or fails as a Write that waits does. It may return early.
	CanWrite() error

	// WritePages writes ahead and then the pages, each with date in its slot, in
	// one system call when the peer takes them all. A socket's pages are not
	// copied: none of the bytes may change before WritePages returns. It keeps
	// no reference to them.
	WritePages(ahead []byte, date *[DateLen]byte, pages []PageRef) error

	// SendFile writes head and then n bytes of f from off, by the rung asked
	// for, or by one after it on the ladder when that cannot be used, and tells
	// which one sent the last byte. Head and first bytes leave together. sent
	// counts bytes of the file; those of head have left when it is above 0. A
	// file that ends early gives ErrFileShrank, after what there was of it.
	SendFile(head []byte, f File, off, n int64, ask Rung) (sent int64, used Rung, err error)

	// ReadExpiry and WriteExpiry set the time of the server's Clock after
	// which a waiting read or write fails; 0 means never. The precision is
	// SweepInterval. Bytes written push nothing: see WriteIdle.
	ReadExpiry(at time.Duration)
	WriteExpiry(at time.Duration)

	// WriteIdle sets the longest time in which the peer may take no byte of
	// a write; 0 means no limit. It holds in addition to WriteExpiry.
	WriteIdle(d time.Duration)

	// Next reads like Read when something is there to be read. Else the caller
	// has nothing more to do with the connection, and it is parked: then the
	// caller must not touch it again, and it is served anew when bytes arrive
	// or closed when idle has passed first (a coarse time, 0 for never). Connections
	// that cannot be parked wait here for as long.
	Next(p []byte, idle time.Duration) (n int, parked bool, err error)

	// Rest is Next for a connection that others use meanwhile: what holds for its reads
	// is the time of ReadExpiry, which any goroutine may set anew, and one may write. It is served,
	// rather than closed, when that time has passed or Abort was called: the next Rest tells
	// which. CloseIdle leaves it alone, until the next call of Next.
	Rest(p []byte) (n int, parked bool, err error)

	// KeepParked has the connection served, rather than closed, when its idle time has
	// passed while it was parked, or Abort was called: a Read or Next tells which. CloseIdle
	// leaves it alone from now on. Only who serves the connection may call it.
	KeepParked()

	// MayBlock is called before code that may block, take long, panic or exit the
	// goroutine: handlers, callbacks, writers of logs. Another goroutine attends to
	// the other connections meanwhile. The waits of a Conn do so themselves.
	MayBlock()

	// Drained reports whether the last read returned everything there was.
	Drained() bool

	// Watch calls gone, from another goroutine and at most once, when the peer
	// closes its side or the connection breaks. Unwatch ends that; gone may
	// still be running when it returns.
	Watch(gone func())
	Unwatch()

	// CloseWrite sends FIN after what was written (TCP half-close).
	CloseWrite() error

	// Abort makes every wait on the connection fail with ErrAborted, now and
	// later. Any goroutine may call it. So may any call Close, which is the
	// same to who serves the connection: it still has to call End.
	Abort()

	// End closes the connection and takes it out of the engine. Only the
	// goroutine that serves it may call it.
	End()

	// Detach takes the connection out of the engine and returns it as the
	// net package's own type. The Conn is dead afterwards.
	Detach() (net.Conn, error)

	// Remote returns the peer's IP address and port; the zero value for
	// others, such as Unix sockets.
	Remote() netip.AddrPort

	// NetConn returns the connection underneath, or nil when there is none but
	// the descriptor.
	NetConn() net.Conn

	// State returns what the protocol engine keeps with the connection
	// while it is parked: nil at first.
	State() any
	SetState(any)
}

// A goneFunc holds Watch's callback until it is called, once.
type goneFunc struct{ f atomic.Pointer[func()] }

func (g *goneFunc) call() {
	if f := g.f.Swap(nil); f != nil {
		(*f)()
	}
}

// A Session serves connections, one after the other, on one goroutine. Serve
// is called with a connection that has something to read; it must park it,
// close it or detach it before it returns. Retire is called when the goroutine
// ends; no other call follows.
type Session interface {
	Serve(Conn)
	Retire()
}

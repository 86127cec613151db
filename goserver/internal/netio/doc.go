// Package netio is the connection engine: it accepts connections, hands each
// readable one to a goroutine of a pool, takes it back when everything that
// arrived is answered, and enforces deadlines with one sweeper.
//
// Its types are Engine (one a server), Conn (a connection as a protocol engine
// uses it), Session (the protocol engine's side: one a pool goroutine) and
// Config. On Linux a TCP or Unix connection is a raw descriptor in the
// engine's own epoll set, and an idle one owns neither goroutine nor buffer.
// Everywhere else, and for listeners of other kinds (TLS, in-memory), a Conn
// wraps a net.Conn: the same behaviour, but an idle one keeps its goroutine.
package netio

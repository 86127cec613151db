// Package ws serves WebSocket connections (RFC 6455), on whatever carries their
// bytes: a connection or a stream. It knows nothing of HTTP but the opening handshake.
//
// A Conn is read either by whoever calls Next, Read or Reader, one at a time; or by the
// engine, which calls the Handler: such a one is parked while nothing comes, and
// then holds no goroutine and no buffers. Everybody may write: messages go whole into
// one queue, of which one goroutine at a time writes what has gathered.
package ws

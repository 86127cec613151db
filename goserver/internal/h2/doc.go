// Package h2 is the HTTP/2 connection engine (RFC 9113).
//
// One goroutine reads a connection: a Session, which owns the buffers. It
// answers pages and direct routes itself; http.Handlers run on goroutines of a
// pool. All that is sent gathers in one output per connection, under one lock,
// and leaves when nobody is about to add to it. The reader never waits for a
// write while there is room: what the peer does not take at once is left to a
// goroutine that writes. A connection without streams is parked, with no
// goroutine and no buffer.
//
// What a request and a response mean is in package semantics, which HTTP/1.1
// shares; here is how they travel.
package h2

// Package goserver serves HTTP: a drop-in for the server of net/http on a
// connection engine of its own.
//
// There are few types. A Server has the fields and methods of http.Server, with
// the same meaning, and limits of its own. A Ctx is one request on the direct path,
// below the http.Handler stack, where a request costs no heap allocation. StaticOptions
// say how a directory is served. Upgrade makes a WebSocket of a request, over HTTP/1.1 or
// HTTP/2, and a Hub sends messages to many of them. A Record is what an access log is told, and
// Stats and WebSocketStats are the server's counts.
//
//	srv := &goserver.Server{Addr: ":8080", Handler: mux}
//	log.Fatal(srv.ListenAndServe())
//
// # Where it differs from net/http
//
// Requests are parsed strictly: what RFC 9112 forbids is refused, and no
// leniency is on. Header section, number of fields, target, body, idle times and
// connections have limits by default (see Server). A handler may read the request body
// while it writes the response, without asking for full duplex. Bodies of up to 4096
// bytes get a Content-Length, where net/http stops at 2048. Event streams
// (text/event-stream) are flushed after each write.
// The value of http.ServerContextKey is an *http.Server that stands in for the
// Server: its fields can be read, its methods do nothing.
//
// # Memory
//
// What a http.Handler sees is never recycled. What a Ctx gives is: it is valid
// until the handler returns. The build tag hyperionpoison overwrites recycled memory, so
// that tests of programs that keep such slices fail at once.
//
// An idle connection has neither goroutine nor buffer on Linux; elsewhere, and on
// listeners that are not plain TCP or Unix sockets, it keeps both.
package goserver

// Package accesslog writes one line for each request that a goserver.Server
// answered, without making the requests wait for the disk.
//
// A Log is given to a server as its AccessLog function. It encodes the record
// into memory (no heap allocation, no system call) and a goroutine of its own
// writes: at most 100 ms later, or earlier when much is waiting. Memory is
// bounded by Options.Buffer. Lines that find no room are dropped, counted, and
// the count is written into the log where they are missing.
//
// A line is JSON or text:
//
//	{"ts":"2026-11-08T09:30:00.125Z","level":"info","source":"hyperion","message":"request","method":"GET",...}
//	2026-11-08T09:30:00.125Z INFO  [hyperion] message=request method=GET ...
//
// What a client sent is escaped in both, so no request can end a line, forge
// another or move the cursor of a terminal.
package accesslog

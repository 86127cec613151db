// Package access holds what is known of one answered request, for access logs.
package access

import (
	"net/netip"
	"time"
)

// A Record tells what is known of one answered request. It and its slices are
// recycled when the function it is given to returns.
type Record struct {
	Start     time.Time     // when the request head was complete
	Duration  time.Duration // from Start until the response was handed to the kernel (or, of pipelined ones, to the batch)
	FirstByte time.Duration // from Start until the first byte of the response was
	Remote    netip.AddrPort
	Method    string // "-" when the request could not be parsed
	Path      []byte // as sent, without the query
	Query     []byte
	Host      []byte
	Proto     string // "HTTP/1.1", "HTTP/1.0"; "-" when unknown
	Status    int    // 499: the client went away before the response
	BytesIn   int64  // of the request body
	BytesOut  int64  // of the whole response, head included
	RequestID []byte // the request's X-Request-Id field, or nil
	UserAgent []byte
	Referer   []byte
}

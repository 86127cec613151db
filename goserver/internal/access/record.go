// Package access holds what is known of one answered request, for access logs.
package access

import (
	"net/netip"
	"time"
)

// A Record tells what is known of one answered request. It and its slices are
// recycled when the function it is given to returns. goserver.Record has the same fields
// and tells what they mean.
type Record struct {
	Start                         time.Time
	Duration, FirstByte           time.Duration
	Remote                        netip.AddrPort
	Method                        string
	Path, Query, Host             []byte
	Proto                         string
	Status                        int
	BytesIn, BytesOut             int64
	RequestID, UserAgent, Referer []byte
}

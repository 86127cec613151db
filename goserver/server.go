package goserver

import (
	"context"
	"crypto/tls"
	"log"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// Defaults of Server's limits. A zero field means its default; what a negative one means
// is in the field's comment. A time of 36 years or more is none.
const (
	DefaultHeaderTimeout    = 10 * time.Second
	DefaultIdleTimeout      = 65 * time.Second
	DefaultBodyIdleTimeout  = 30 * time.Second
	DefaultWriteIdleTimeout = 30 * time.Second
	DefaultMinBodyRate      = 256 // bytes a second
	DefaultMaxHeaderBytes   = 64 << 10
	DefaultMaxHeaderCount   = 100
	DefaultMaxTargetBytes   = 16 << 10
	DefaultMaxBodyBytes     = 16 << 20
	DefaultMaxConns         = 100_000
	DefaultHandshakeTimeout = 10 * time.Second
	DefaultWebSocketSpread  = time.Second
)

// A Server serves HTTP. Its first fields are those of http.Server, with the
// same meaning; the rest are Hyperion's own. A Server must not be copied, and
// its fields must not be changed after the first call of a Serve method. Serve methods fail
// when a field of Hyperion's own has a value that means nothing: with ErrSetting, ErrFileRung
// or ErrKTLSName.
type Server struct {
	Addr                         string                                                 // TCP address "host:port"; "" means ":http" (":https" for the TLS methods)
	Handler                      http.Handler                                           // nil means http.DefaultServeMux
	DisableGeneralOptionsHandler bool                                                   // pass "OPTIONS *" to Handler instead of answering 200
	TLSConfig                    *tls.Config                                            // used by ServeTLS and ListenAndServeTLS; cloned
	ReadTimeout                  time.Duration                                          // whole request with its body; 0 or less: none
	ReadHeaderTimeout            time.Duration                                          // request head, from its first byte or from accept; 0: ReadTimeout if set, else DefaultHeaderTimeout; negative: none. Passed: 408
	WriteTimeout                 time.Duration                                          // from the end of the request head to the end of the response; 0 or less: none
	IdleTimeout                  time.Duration                                          // between requests; 0: ReadTimeout if set, else DefaultIdleTimeout; negative: none. Passed: silent close
	MaxHeaderBytes               int                                                    // request line and header section, bytes, of which more than 1 GiB are as that; 0 or less: DefaultMaxHeaderBytes. Passed: 431
	ConnState                    func(net.Conn, http.ConnState)                         // as in http.Server; must not block
	ErrorLog                     *log.Logger                                            // nil means log.Default
	BaseContext                  func(net.Listener) context.Context                     // as in http.Server
	ConnContext                  func(context.Context, net.Conn) context.Context        // as in http.Server
	TLSNextProto                 map[string]func(*http.Server, *tls.Conn, http.Handler) // as in http.Server: who takes over connections for which ALPN chose that protocol; the names are offered if TLSConfig.NextProtos has them. Not nil and without "h2": no HTTP/2

	// Protocols are those that are spoken. nil means HTTP/1.1 and, over TLS, HTTP/2,
	// which clients on this machine (loopback and Unix listeners) may also speak
	// without TLS, by prior knowledge. UnencryptedHTTP2 means that all clients may.
	Protocols *http.Protocols

	// HTTP2 are settings of HTTP/2; nil and zero fields mean the Default constants,
	// and SendPingTimeout may be negative for none. What is out of the range
	// that RFC 9113 allows is clamped and logged. MaxHeaderBytes is also the longest header
	// list, and MaxHeaderCount bounds it as well. The sizes of header tables, PingTimeout
	// (always SendPingTimeout) and CountError have no effect.
	HTTP2 *http.HTTP2Config

	WebSocketSpread time.Duration // over which Shutdown closes WebSockets, so that their clients do not all come back at once; 0: DefaultWebSocketSpread; negative: none

	// WebSockets says that Handler serves WebSockets, with Upgrade: then clients are told that they
	// may ask for one over HTTP/2 as well (SETTINGS_ENABLE_CONNECT_PROTOCOL, RFC 8441 §3).
	WebSockets bool

	MaxHeaderCount   int           // request fields; 0: DefaultMaxHeaderCount; negative: Serve fails. Passed: 431
	MaxTargetBytes   int           // request target, bytes; 0: DefaultMaxTargetBytes; negative: Serve fails. Passed: 414
	MaxBodyBytes     int64         // request body, bytes; 0: DefaultMaxBodyBytes; negative: no limit. Passed: 413
	BodyIdleTimeout  time.Duration // longest wait for the next body byte; 0: DefaultBodyIdleTimeout; negative: none. Passed: 408
	MinBodyRate      int           // bytes a second, averaged over the time waited for the body, once that is over BodyIdleTimeout (30 s where that is none); 0: DefaultMinBodyRate; negative: none. Passed: 408
	WriteIdleTimeout time.Duration // longest time in which the peer takes no byte of a response; 0: DefaultWriteIdleTimeout; negative: none
	MaxConns         int           // connections open at once; further ones wait in the kernel's queue; 0: DefaultMaxConns; negative: no limit
	HandshakeTimeout time.Duration // from accept to the end of the TLS handshake; 0: DefaultHandshakeTimeout; negative: none. Passed: close
	TLSHandshakeRate int           // TLS connections accepted a second, and at once; 0 or less: no limit. Others are closed before a byte
	MaxTotalStreams  int           // HTTP/2 streams of all connections at once; 0: DefaultMaxTotalStreams, or four times those of one connection for each processor, if that is more; negative: no limit. Passed: REFUSED_STREAM
	HTTP2Timing      *log.Logger   // gets the timings of the first stream of each HTTP/2 connection; nil: they are not taken
	MaxInFlight      int           // requests in handlers at once, direct routes not counted; 0 or less: no limit. Passed: 503 with Retry-After

	// KTLS says whether the kernel makes the TLS records of responses, so that files are sent
	// without passing through the process: of TLS 1.3 connections over TCP, on Linux with the module
	// tls. One of KTLSAuto, KTLSOn and KTLSOff; "" is KTLSAuto without a word in the log. Serve methods
	// return ErrKTLSName for others.
	KTLS string

	// HSTS is sent with each response over TLS; nil: it is not.
	HSTS *HSTS

	// FileRung is how files on the disk are sent: one of the names that FileRungs
	// returns, other than "page"; "" or "auto" for the best one. Where it can't be
	// used (a long file in one write, sendfile over TLS) another on the ladder is,
	// in the end "copy". Serve returns ErrFileRung for other names. What is in a
	// cache is sent from there all the same.
	FileRung string

	// AccessLog, unless nil, is called after each response, on every path
	// (handlers, direct and static routes, errors that the server answered),
	// from the connection's goroutine. It must not block, nor keep the record.
	AccessLog func(*Record)

	serverState
}

// A Record tells what is known of one answered request. It and its slices are
// recycled when the AccessLog function returns.
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

// Stats are counts since the server started and, where named so, of now.
type Stats struct {
	Conns       int64 // open now
	Parked      int64 // open now, idle, without goroutine or buffer
	InFlight    int64 // requests being answered now
	Accepted    int64
	Requests    int64
	BytesIn     int64
	BytesOut    int64
	BadRequests int64 // refused by the parser or by a limit
	TimedOut    int64 // connections ended by a deadline
	Handshakes  int64 // TLS handshakes completed
	Resumed     int64 // of these
	TLSFailed   int64 // TLS handshakes that failed
	TLSRefused  int64 // TLS connections closed by TLSHandshakeRate
	KernelTLS   int64 // connections open now whose records the kernel makes
	Shed        int64 // requests refused by MaxInFlight

	Streams        int64 // HTTP/2 streams open now
	StreamsRefused int64 // HTTP/2 streams refused by MaxTotalStreams

	// FileResponses counts responses that direct and static routes made of a prebuilt page,
	// under "page", and the pieces of files that were sent, under the names of FileRungs. A
	// response with several ranges of a file counts for each.
	FileResponses map[string]int64
}

package h2

import (
	"strconv"
	"strings"

	"golang.org/x/net/http2"

	"github.com/hyperion-server/hyperion/goserver/internal/netio"
	"github.com/hyperion-server/hyperion/hpack"
)

// beginHead starts a HEADERS frame in the output and returns where. c.mu is
// held until endHead: blocks must be sent in the order in which they are encoded.
func (c *conn) beginHead() int {
	o := c.out()
	at := len(o.buf)
	o.buf = append(o.buf, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	o.buf = c.enc.AppendBegin(o.buf)
	return at
}

// endHead completes the HEADERS frame that starts at. A block that is longer than
// the peer takes goes on in CONTINUATION frames (RFC 9113 §6.10).
func (c *conn) endHead(st *stream, at int, end bool) {
	o := c.out()
	size := len(o.buf) - at - frameHeaderLen
	var flags http2.Flags
	if end {
		flags = http2.FlagHeadersEndStream
	}
	if max := int(c.peer.maxFrame); size > max {
		c.splitHead(st.id, at, max, flags)
	} else {
		appendFrameHeader(o.buf[:at], size, http2.FrameHeaders, flags|http2.FlagHeadersEndHeaders, st.id)
	}
	c.count(int64(len(o.buf) - at))
	c.firstEncoded()
	if end {
		c.ended(st)
	}
}

func (c *conn) splitHead(id uint32, at, max int, flags http2.Flags) {
	o := c.out()
	block := append([]byte(nil), o.buf[at+frameHeaderLen:]...)
	o.buf = o.buf[:at]
	typ := http2.FrameHeaders
	for len(block) > 0 {
		n := min(len(block), max)
		if n == len(block) {
			flags |= http2.FlagHeadersEndHeaders // the same bit in CONTINUATION
		}
		o.buf = append(appendFrameHeader(o.buf, n, typ, flags, id), block[:n]...)
		block, typ, flags = block[n:], http2.FrameContinuation, 0
	}
}

// appendStatus appends :status, which the static table has for most responses.
func appendStatus(b []byte, status int) []byte {
	switch status {
	case 200:
		return append(b, 0x88)
	case 204:
		return append(b, 0x89)
	case 206:
		return append(b, 0x8a)
	case 304:
		return append(b, 0x8b)
	case 400:
		return append(b, 0x8c)
	case 404:
		return append(b, 0x8d)
	case 500:
		return append(b, 0x8e)
	}
	return append(b, 0x08, 3, byte('0'+status/100), byte('0'+status/10%10), byte('0'+status%10))
}

// appendDate appends Date as a literal that is not indexed: the next second has
// another one (RFC 7541 §6.2.2).
func appendDate(b []byte, date *[netio.DateLen]byte) []byte {
	return append(append(b, 0x0f, 33-15, netio.DateLen), date[:]...)
}

// appendLength appends Content-Length in the same form.
func appendLength(b []byte, n int64) []byte {
	at := len(b) + 2
	b = strconv.AppendInt(append(b, 0x0f, 28-15, 0), n, 10)
	b[at] = byte(len(b) - at - 1)
	return b
}

// appendFieldString appends a field of a handler's response.
func (c *conn) appendFieldString(name, value string) {
	o := c.out()
	o.buf = c.enc.AppendString(o.buf, name, value, hpack.Index)
}

// lowerNames maps names of response fields as http.Header has them to the form
// on the wire, so that most need no conversion.
var lowerNames = func() map[string]string {
	m := make(map[string]string)
	for _, name := range strings.Fields(`Accept-Ranges Access-Control-Allow-Credentials Access-Control-Allow-Headers
		Access-Control-Allow-Methods Access-Control-Allow-Origin Access-Control-Expose-Headers Access-Control-Max-Age Age Allow
		Alt-Svc Cache-Control Clear-Site-Data Content-Disposition Content-Encoding Content-Language Content-Location
		Content-Range Content-Security-Policy Content-Security-Policy-Report-Only Content-Type Cross-Origin-Embedder-Policy
		Cross-Origin-Opener-Policy Cross-Origin-Resource-Policy Date Etag Expires Grpc-Encoding Grpc-Message Grpc-Status
		Last-Modified Link Location Nel Permissions-Policy Pragma Priority Proxy-Authenticate Referrer-Policy Report-To Retry-After
		Server Server-Timing Set-Cookie Strict-Transport-Security Timing-Allow-Origin Trailer Vary Via Warning Www-Authenticate
		X-Content-Type-Options X-Dns-Prefetch-Control X-Download-Options X-Frame-Options X-Permitted-Cross-Domain-Policies
		X-Powered-By X-Ratelimit-Limit X-Ratelimit-Remaining X-Ratelimit-Reset X-Request-Id X-Runtime X-Xss-Protection`) {
		m[name] = strings.ToLower(name)
	}
	return m
}()

func lowerName(name string) string {
	if l, ok := lowerNames[name]; ok {
		return l
	}
	return strings.ToLower(name)
}

// ofConnection reports whether a response field is of HTTP/1.1's connection and
// must not be sent (RFC 9113 §8.2.2).
func ofConnection(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}

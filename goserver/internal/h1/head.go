package h1

import (
	"net/http"
	"strconv"

	"github.com/hyperion-server/hyperion/goserver/internal/netio"
)

// statusLines holds the status lines of HTTP/1.1 responses, made once. A
// server answers with its own version, whatever the request's minor version
// was (RFC 9110 §6.2): except that net/http, whose clients we serve, echoes
// HTTP/1.0, so that the line for it is cut from the same bytes.
var statusLines = func() (t [600]string) {
	for code := range t {
		if text := http.StatusText(code); text != "" {
			t[code] = "HTTP/1.1 " + strconv.Itoa(code) + " " + text + "\r\n"
		}
	}
	return t
}()

// appendStatusLine appends the status line. The reason phrase of an unknown
// code says so, as net/http's does.
func appendStatusLine(b []byte, minor, code int) []byte {
	at := len(b)
	if code < len(statusLines) && statusLines[code] != "" {
		b = append(b, statusLines[code]...)
	} else {
		b = append(b, "HTTP/1.1 "...)
		b = strconv.AppendInt(b, int64(code), 10)
		b = append(b, " status code "...)
		b = strconv.AppendInt(b, int64(code), 10)
		b = append(b, "\r\n"...)
	}
	if minor == 0 {
		b[at+len("HTTP/1.")] = '0'
	}
	return b
}

func appendDate(b []byte, c *netio.Clock) []byte {
	b = append(b, "Date: "...)
	b = append(b, c.Date()[:]...)
	return append(b, "\r\n"...)
}

func appendContentLength(b []byte, n int64) []byte {
	b = append(b, "Content-Length: "...)
	b = strconv.AppendInt(b, n, 10)
	return append(b, "\r\n"...)
}

// appendContentType joins the media type and its charset, the only time that
// they meet.
func appendContentType(b []byte, mediaType, charset string) []byte {
	b = append(b, "Content-Type: "...)
	b = append(b, mediaType...)
	if charset != "" {
		b = append(b, "; charset="...)
		b = append(b, charset...)
	}
	return append(b, "\r\n"...)
}

// appendConnection appends what the connection says of itself: nothing when
// the version's default holds (RFC 9112 §9.3).
func appendConnection(b []byte, minor int, keep bool) []byte {
	switch {
	case !keep && minor > 0:
		return append(b, "Connection: close\r\n"...)
	case keep && minor == 0:
		return append(b, "Connection: keep-alive\r\n"...)
	}
	return b
}

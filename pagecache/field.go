package pagecache

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// A Field is one header field of a page, in the order and spelling given.
type Field struct {
	Name, Value string
}

const (
	contentLength = "Content-Length"
	noLength      = -1  // of a head without Content-Length
	headSize      = 512 // bytes that a head seldom exceeds
)

// appendHead appends the head of a response with checked fields.
func appendHead(h []byte, status int, fields []Field, length int64) []byte {
	h = append(h, "HTTP/1.1 "...)
	h = strconv.AppendInt(h, int64(status), 10)
	h = append(h, ' ')
	h = append(h, http.StatusText(status)...)
	h = append(h, "\r\n"...)
	for _, f := range fields {
		h = append(h, f.Name...)
		h = append(h, ": "...)
		h = append(h, f.Value...)
		h = append(h, "\r\n"...)
	}
	if length != noLength {
		h = append(h, contentLength+": "...)
		h = strconv.AppendInt(h, length, 10)
		h = append(h, "\r\n"...)
	}
	return append(h, "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n"...)
}

// checkField returns why a page must not have a field, or nil.
func checkField(f Field) error {
	switch {
	case !httpguts.ValidHeaderFieldName(f.Name):
		return ErrFieldName
	case !httpguts.ValidHeaderFieldValue(f.Value):
		return ErrFieldValue
	}
	switch http.CanonicalHeaderKey(f.Name) {
	case contentLength, "Date", "Connection", "Keep-Alive", "Transfer-Encoding", "Trailer", "Upgrade":
		return ErrFieldOwned
	}
	return nil
}

// steering returns those of the fields of a 200 response that its 304 has.
func steering(fields []Field) (kept []Field) {
	tagged := slices.ContainsFunc(fields, func(f Field) bool { return f.Value != "" && strings.EqualFold(f.Name, "ETag") })
	for _, f := range fields {
		switch http.CanonicalHeaderKey(f.Name) {
		case "Cache-Control", "Content-Location", "Etag", "Expires", "Vary":
			kept = append(kept, f)
		case "Last-Modified":
			if !tagged {
				kept = append(kept, f)
			}
		}
	}
	return kept
}

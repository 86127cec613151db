package demo

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"hash/crc32"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
)

// numbers is a text to take parts of: 2 000 lines of 33 bytes.
var numbers = sync.OnceValue(func() []byte {
	var b bytes.Buffer
	for i := range 2000 {
		fmt.Fprintf(&b, "line %04d starts at byte %06d.\n", i, b.Len())
	}
	return b.Bytes()
})

// serveNumbers answers ranges and conditions, which http.ServeContent knows.
func serveNumbers(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("ETag", fmt.Sprintf(`"%08x"`, crc32.ChecksumIEEE(numbers())))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(numbers()))
}

// packed is numbers, compressed once as well as gzip can.
var packed = sync.OnceValue(func() []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is valid
	z.Write(numbers())                                    // into memory: cannot fail
	z.Close()
	return b.Bytes()
})

// serveGzip answers with numbers, compressed for those who accept that.
func serveGzip(c *goserver.Ctx) {
	c.SetContentType("text/plain", "utf-8")
	c.AddHeader("Cache-Control", "no-cache")
	c.AddHeader("Vary", "Accept-Encoding")
	if !acceptsGzip(string(c.Header("Accept-Encoding"))) {
		c.SendBytes(numbers())
		return
	}
	c.AddHeader("Content-Encoding", "gzip")
	c.SendBytes(packed())
}

// acceptsGzip reports whether an Accept-Encoding field allows gzip: by its
// name, or else by "*", with a weight above 0 (RFC 9110 §12.5.3).
func acceptsGzip(field string) bool {
	star := false
	for item := range strings.SplitSeq(field, ",") {
		coding, params, _ := strings.Cut(item, ";")
		coding = strings.TrimSpace(coding)
		weight, given := strings.CutPrefix(strings.ToLower(strings.TrimSpace(params)), "q=")
		q, err := strconv.ParseFloat(weight, 64)
		accepted := !given || err == nil && q > 0
		switch {
		case strings.EqualFold(coding, "gzip"), strings.EqualFold(coding, "x-gzip"):
			return accepted
		case coding == "*":
			star = accepted
		}
	}
	return star
}

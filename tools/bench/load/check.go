package load

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/andybalholm/brotli"
)

var (
	errField  = errors.New("load: the answer lacks a header field that every server must send")
	errCoding = errors.New("load: the answer has another coding")
	errBody   = errors.New("load: the body is not what it must be")
	errRange  = errors.New("load: a 206 without its range")
)

// Check gets the target once and returns an error unless the answer has the
// right status, coding, length and content, and Date; one with content also
// Content-Type and, unless it is coded, Content-Length. It returns the bytes of
// body as they were sent.
func Check(t Target) (sent int64, err error) {
	resp, body, err := get(t)
	if err != nil {
		return 0, err
	}
	status := t.Status
	if status == 0 {
		status = http.StatusOK
	}
	if resp.StatusCode != status {
		return 0, fmt.Errorf("%w: %s, want %d", errStatus, resp.Status, status)
	}
	if got := resp.Header.Get("Content-Encoding"); got != t.Coding {
		return 0, fmt.Errorf("%w: %q, want %q", errCoding, got, t.Coding)
	}
	sent = int64(len(body))
	if t.Coding == "" && sent != t.Size {
		return 0, fmt.Errorf("%w: %d bytes, want %d", errSize, sent, t.Size)
	}
	if err := checkFields(resp, sent, t.Coding); err != nil {
		return 0, err
	}
	if body, err = decode(body, t.Coding); err != nil {
		return 0, fmt.Errorf("%w: %w", errBody, err)
	}
	if t.Body != nil && !bytes.Equal(body, t.Body) {
		return 0, errBody
	}
	return sent, nil
}

// get returns the answer to the target's request and its body as it was sent.
func get(t Target) (*http.Response, []byte, error) {
	method := http.MethodGet
	if t.Content != nil {
		method = http.MethodPost
	}
	req, err := http.NewRequest(method, t.URL(), bytes.NewReader(t.Content))
	if err != nil {
		return nil, nil, fmt.Errorf("load: %w", err)
	}
	for _, f := range t.Fields {
		name, value, _ := strings.Cut(f, ":")
		req.Header.Set(name, strings.TrimSpace(value))
	}
	client := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
		DisableCompression: true, DisableKeepAlives: true, TLSClientConfig: t.TLS(), Protocols: t.Over.protocols(),
	}}
	resp, err := client.Do(req)
	if err != nil {
		return nil, nil, fmt.Errorf("load: %w", err)
	}
	defer resp.Body.Close()
	if err := t.Over.check(resp); err != nil {
		return nil, nil, err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, nil, fmt.Errorf("load: body: %w", err)
	}
	return resp, body, nil
}

// checkFields makes sure that no server saves fields that the others send.
func checkFields(resp *http.Response, sent int64, coding string) error {
	names := []string{"Date"}
	if resp.StatusCode != http.StatusNotModified {
		names = append(names, "Content-Type")
		if coding == "" && resp.ContentLength != sent {
			return fmt.Errorf("%w: Content-Length %d, %d bytes", errSize, resp.ContentLength, sent)
		}
	}
	for _, name := range names {
		if resp.Header.Get(name) == "" {
			return fmt.Errorf("%w: %s", errField, name)
		}
	}
	if resp.StatusCode == http.StatusPartialContent && !strings.HasPrefix(resp.Header.Get("Content-Range"), "bytes ") {
		return errRange
	}
	return nil
}

func decode(body []byte, coding string) ([]byte, error) {
	switch coding {
	case "gzip":
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(z)
	case "br":
		return io.ReadAll(brotli.NewReader(bytes.NewReader(body)))
	}
	return body, nil
}

// AwaitCoded checks the target until it is answered coded, for servers that
// compress in the background, or for 20 s. It returns what Check returns.
func AwaitCoded(ctx context.Context, t Target) (sent int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		sent, err = Check(t)
		if !errors.Is(err, errCoding) || pause(ctx, 20*time.Millisecond) != nil {
			return sent, err
		}
	}
}

// Conditions returns the fields with which a client that has the target asks
// whether it changed: those for the validators that the server gave.
func Conditions(t Target) ([]string, error) {
	resp, _, err := get(t)
	if err != nil {
		return nil, err
	}
	var fields []string
	if tag := resp.Header.Get("ETag"); tag != "" {
		fields = append(fields, "If-None-Match: "+tag)
	}
	if date := resp.Header.Get("Last-Modified"); date != "" {
		fields = append(fields, "If-Modified-Since: "+date)
	}
	if fields == nil {
		return nil, fmt.Errorf("%w: ETag or Last-Modified", errField)
	}
	return fields, nil
}

// HeadSize returns the bytes of the head of the target's answer.
func HeadSize(t Target) (int, error) {
	c, err := net.Dial("tcp", t.Addr.String())
	if err != nil {
		return 0, fmt.Errorf("load: %w", err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := c.Write(t.request()); err != nil {
		return 0, fmt.Errorf("load: write: %w", err)
	}
	buf := make([]byte, 0, 16<<10)
	for len(buf) < cap(buf) {
		n, err := c.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if _, end, err := parseHead(buf); end > 0 || err != nil {
			return end, err
		}
		if err != nil {
			return 0, fmt.Errorf("load: read: %w", err)
		}
	}
	return 0, errHead
}

// variedFields is how many fields the answers of CheckVaried have, at least.
const variedFields = 25

var (
	errVaried = errors.New("load: the answer lacks fields")
	errSame   = errors.New("load: two answers are the same")
)

// CheckVaried gets the target twice and returns an error unless the answers
// are JSON with an id, about 200 bytes long and with 25 fields, of which those
// that must differ do. It returns the length of the body.
func CheckVaried(t Target) (size int64, err error) {
	var before http.Header
	for range 2 {
		resp, body, err := get(t)
		if err != nil {
			return 0, err
		}
		size = int64(len(body))
		if err := checkFields(resp, size, ""); err != nil {
			return 0, err
		}
		n := 0
		for _, values := range resp.Header {
			n += len(values)
		}
		var kept struct{ ID string }
		if err := json.Unmarshal(body, &kept); err != nil {
			return 0, fmt.Errorf("%w: %w", errBody, err)
		}
		switch {
		case resp.StatusCode != http.StatusOK:
			return 0, fmt.Errorf("%w: %s", errStatus, resp.Status)
		case n < variedFields:
			return 0, fmt.Errorf("%w: %d of %d", errVaried, n, variedFields)
		case kept.ID == "" || size < 190 || size > 215:
			return 0, fmt.Errorf("%w: id %q, %d bytes", errBody, kept.ID, size)
		}
		for _, name := range []string{"Etag", "X-Request-Id", "X-Trace-Id", "X-Runtime", "Server-Timing", "Set-Cookie"} {
			if v := resp.Header.Get(name); v == "" || v == before.Get(name) && name != "X-Runtime" && name != "Server-Timing" {
				return 0, fmt.Errorf("%w in %s: %q", errSame, name, v)
			}
		}
		before = resp.Header
	}
	return size, nil
}

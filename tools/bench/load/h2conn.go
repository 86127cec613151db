package load

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

var (
	errGoAway = errors.New("load: the server sent GOAWAY")
	errReset  = errors.New("load: the server reset the stream")
)

// h2Get makes the first request of an HTTP/2 connection, written in one piece
// with the preface, and reads the answer to its end. first is when the answer began.
func h2Get(c io.ReadWriter, t Target) (first time.Time, err error) {
	if _, err := c.Write(h2Request(t)); err != nil {
		return first, fmt.Errorf("load: write: %w", err)
	}
	return h2Answer(http2.NewFramer(c, c), t)
}

// h2Request is the client's preface and a GET (RFC 9113 §3.4, §8.3.1).
func h2Request(t Target) []byte {
	var block, out bytes.Buffer
	fields := hpack.NewEncoder(&block)
	scheme := "http"
	if t.Over.TLS() {
		scheme = "https"
	}
	for _, f := range [][2]string{{":method", "GET"}, {":scheme", scheme}, {":authority", t.Addr.String()}, {":path", t.Path}} {
		fields.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	out.WriteString(http2.ClientPreface)
	framer := http2.NewFramer(&out, nil)
	framer.WriteSettings()
	framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true})
	return out.Bytes()
}

// h2Answer reads frames until the first stream ends; the body is that of a
// small file, so no window is given back.
func h2Answer(framer *http2.Framer, t Target) (first time.Time, err error) {
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	var size int64
	for {
		f, err := framer.ReadFrame()
		if err != nil {
			return first, fmt.Errorf("load: read: %w", err)
		}
		ended := false
		switch f := f.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				err = framer.WriteSettingsAck()
			}
		case *http2.PingFrame:
			if !f.IsAck() {
				err = framer.WritePing(true, f.Data)
			}
		case *http2.MetaHeadersFrame:
			first = time.Now()
			ended = f.StreamEnded()
			if status := f.PseudoValue("status"); status != "200" {
				err = fmt.Errorf("%w: %s", errStatus, status)
			}
		case *http2.DataFrame:
			size += int64(len(f.Data()))
			ended = f.StreamEnded()
		case *http2.GoAwayFrame:
			err = fmt.Errorf("%w: %s", errGoAway, f.ErrCode)
		case *http2.RSTStreamFrame:
			err = fmt.Errorf("%w: %s", errReset, f.ErrCode)
		}
		if ended && err == nil && size != t.Size {
			err = fmt.Errorf("%w: %d, want %d", errSize, size, t.Size)
		}
		if ended || err != nil {
			return first, err
		}
	}
}

// dialProtocol connects as the target's protocol says.
// The connection has 10 s for all of its life.
func dialProtocol(t Target) (net.Conn, error) {
	if t.Over.TLS() {
		return dialTLS(t, t.TLS())
	}
	c, err := net.DialTimeout("tcp", t.Addr.String(), 10*time.Second)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	c.SetDeadline(time.Now().Add(10 * time.Second))
	return c, nil
}

// firstGet makes the first request of a connection and reads the answer to its
// end. first is when the answer began.
func firstGet(c net.Conn, t Target) (first time.Time, err error) {
	if t.Over.HTTP2() {
		return h2Get(c, t)
	}
	if _, err := c.Write(t.request()); err != nil {
		return first, fmt.Errorf("load: write: %w", err)
	}
	a, buf := answer{size: t.Size}, make([]byte, 16<<10)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return first, fmt.Errorf("load: read: %w", err)
		}
		if first.IsZero() {
			first = time.Now()
		}
		if done, err := a.feed(buf[:n]); done || err != nil {
			return first, err
		}
	}
}

package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// habitsHTTP2 are those of clients of HTTP/2 over TLS.
var habitsHTTP2 = []habit{
	{name: "half a handshake", act: func(c *net.TCPConn) error { return send(c, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03") }},
	{name: "half a handshake, reset", reset: true, act: func(c *net.TCPConn) error { return send(c, "\x16\x03\x01\x02\x00\x01") }},
	{name: "no TLS", act: func(c *net.TCPConn) error { return send(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n") }},
	{name: "preface only", act: overHTTP2(func(c *client) error { return c.flush() })},
	{name: "a few requests", act: overHTTP2(func(c *client) error {
		for range 16 {
			c.get("/direct")
		}
		return c.expect(16)
	})},
	{name: "half a header block", act: overHTTP2(func(c *client) error {
		c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: c.id(), BlockFragment: c.block("/hello")[:5]})
		return c.flush()
	})},
	{name: "streams reset at once", act: overHTTP2(func(c *client) error {
		for range 50 {
			c.framer.WriteRSTStream(c.get("/hello"), http2.ErrCodeCancel)
		}
		return c.flush()
	})},
	{name: "reset in a file", reset: true, act: overHTTP2(func(c *client) error {
		c.get("/files/" + bigFile)
		return c.begun()
	})},
	{name: "files behind a shut window", act: overHTTP2(func(c *client) error {
		for range 10 {
			c.get("/files/" + bigFile)
		}
		return c.begun()
	})},
	{name: "reset in its own body", reset: true, act: overHTTP2(func(c *client) error {
		id := c.id()
		c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: c.block("/hello"), EndHeaders: true})
		c.framer.WriteData(id, false, []byte("ten bytes."))
		return c.flush()
	})},
	{name: "reset in a stream", reset: true, act: overHTTP2(func(c *client) error {
		c.get("/sse?n=1000&gap=1ms")
		return c.begun()
	})},
	{name: "idle, then used again", act: overHTTP2(func(c *client) error {
		c.get("/static")
		if err := c.expect(1); err != nil {
			return err
		}
		time.Sleep(time.Second) // parked meanwhile
		c.get("/static")
		return c.expect(1)
	})},
}

// A client has one connection of HTTP/2.
type client struct {
	conn   net.Conn
	out    bytes.Buffer // frames that wait for flush
	framer *http2.Framer
	next   uint32
}

func overHTTP2(act func(*client) error) func(*net.TCPConn) error {
	return func(tcp *net.TCPConn) error {
		conn := tls.Client(tcp, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{http2.NextProtoTLS}, MinVersion: tls.VersionTLS13}) // who the server is has been checked by the watch
		if err := conn.Handshake(); err != nil {
			return err
		}
		c := &client{conn: conn, next: 1}
		c.framer = http2.NewFramer(&c.out, conn)
		c.out.WriteString(http2.ClientPreface)
		c.framer.WriteSettings()
		return act(c)
	}
}

func (c *client) id() uint32 {
	c.next += 2
	return c.next - 2
}

// block is a header block that leaves the dynamic table as it is.
func (c *client) block(path string) []byte {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	e.SetMaxDynamicTableSize(0)
	for _, f := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", "a"}, {":path", path}} {
		e.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	return b.Bytes()
}

func (c *client) get(path string) (id uint32) {
	id = c.id()
	c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: c.block(path), EndStream: true, EndHeaders: true})
	return id
}

func (c *client) flush() error {
	_, err := c.conn.Write(c.out.Bytes())
	c.out.Reset()
	return err
}

// expect reads n responses of hello to their end.
func (c *client) expect(n int) error {
	if err := c.flush(); err != nil {
		return err
	}
	bodies := make(map[uint32]string)
	for n > 0 {
		f, err := c.framer.ReadFrame()
		if err != nil {
			return err
		}
		switch f := f.(type) {
		case *http2.DataFrame:
			bodies[f.StreamID] += string(f.Data())
			if !f.StreamEnded() {
				continue
			}
			if n--; bodies[f.StreamID] != "hello" {
				return fmt.Errorf("%w: %q", errWrong, bodies[f.StreamID])
			}
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return fmt.Errorf("%w: %v", errWrong, f)
		}
	}
	return nil
}

// begun reads until the first DATA.
func (c *client) begun() error {
	if err := c.flush(); err != nil {
		return err
	}
	for {
		switch f, err := c.framer.ReadFrame(); f := f.(type) {
		case nil:
			if err == io.EOF {
				return io.ErrUnexpectedEOF
			}
			return err
		case *http2.DataFrame:
			return nil
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return fmt.Errorf("%w: %v", errWrong, f)
		}
	}
}

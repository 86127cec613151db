package main

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"

	"github.com/gobwas/httphead"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"
)

// serveGobwas works below net/http, with the library's own handshake and frames: a buffered reader on each connection,
// one write a message.
func serveGobwas(_ *http.ServeMux, addr, cert, key string) error {
	l, err := listen(addr, cert, key)
	if err != nil {
		return err
	}
	var t topic[net.Conn]
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go serveGobwasConn(c, &t)
	}
}

func listen(addr, cert, key string) (net.Listener, error) {
	if cert == "" {
		return net.Listen("tcp", addr)
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, err
	}
	return tls.Listen("tcp", addr, &tls.Config{Certificates: []tls.Certificate{pair}})
}

func serveGobwasConn(c net.Conn, t *topic[net.Conn]) {
	defer c.Close()
	path, ok := gobwasUpgrade(c)
	if !ok {
		return
	}
	r := bufio.NewReaderSize(c, 4096)
	switch path {
	case "/ws":
		gobwasMessages(c, r, func(f ws.Frame, b *buffer) error {
			b.Reset()
			return gobwasWrite(c, b, f)
		})
	case "/ws-deflate":
		gobwasMessages(c, r, func(f ws.Frame, b *buffer) error { return gobwasInflated(c, f, b) })
	case "/ws-topic":
		t.join(c)
		defer t.leave(c)
		gobwasMessages(c, r, func(f ws.Frame, _ *buffer) error {
			frame, err := ws.CompileFrame(ws.NewFrame(f.Header.OpCode, true, f.Payload))
			if err == nil {
				t.each(func(c net.Conn) { c.Write(frame) })
			}
			return err
		})
	}
}

// gobwasUpgrade makes the handshake, and returns the path that was asked for.
func gobwasUpgrade(c net.Conn) (path string, ok bool) {
	var deflate wsflate.Extension
	deflate.Parameters = wsflate.Parameters{ServerNoContextTakeover: true, ClientNoContextTakeover: true}
	u := ws.Upgrader{
		OnRequest: func(uri []byte) error {
			path = string(uri)
			return nil
		},
		Negotiate: func(o httphead.Option) (httphead.Option, error) {
			if path != "/ws-deflate" {
				return httphead.Option{}, nil
			}
			return deflate.Negotiate(o)
		},
	}
	_, err := u.Upgrade(c)
	return path, err == nil
}

// gobwasMessages reads messages until the connection ends. f gets a frame that is not masked any more, and memory.
func gobwasMessages(c net.Conn, r *bufio.Reader, f func(ws.Frame, *buffer) error) {
	for {
		h, err := ws.ReadHeader(r)
		if err != nil || !h.Masked {
			return
		}
		in := buffers.Get().(*buffer)
		in.Reset()
		in.Grow(int(h.Length))
		p := in.AvailableBuffer()[:h.Length]
		if _, err := io.ReadFull(r, p); err != nil {
			return
		}
		ws.Cipher(p, h.Mask, 0)
		switch h.OpCode {
		case ws.OpClose:
			ws.WriteFrame(c, ws.NewCloseFrame(p))
			return
		case ws.OpPing:
			err = ws.WriteFrame(c, ws.NewPongFrame(p))
		case ws.OpText, ws.OpBinary:
			out := buffers.Get().(*buffer)
			err = f(ws.Frame{Header: h, Payload: p}, out)
			buffers.Put(out)
		}
		if err != nil {
			return
		}
		buffers.Put(in)
	}
}

// gobwasWrite sends a frame that is not masked in one write. b is memory.
func gobwasWrite(c net.Conn, b *buffer, f ws.Frame) error {
	h := ws.Header{Fin: true, Rsv: f.Header.Rsv, OpCode: f.Header.OpCode, Length: int64(len(f.Payload))}
	if err := ws.WriteHeader(b, h); err != nil {
		return err
	}
	b.Write(f.Payload)
	_, err := c.Write(b.Bytes())
	return err
}

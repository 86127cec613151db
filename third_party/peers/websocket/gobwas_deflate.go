package main

import (
	"bytes"
	"compress/flate"
	"io"
	"net"
	"sync"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"
)

// The helpers of wsflate make a compressor for each message, of a megabyte; these are used again.
var (
	deflaters = sync.Pool{New: func() any {
		return wsflate.NewWriter(nil, func(w io.Writer) wsflate.Compressor {
			z, err := flate.NewWriter(w, flate.BestSpeed)
			if err != nil {
				panic(err) // there is such a level
			}
			return z
		})
	}}
	inflaters = sync.Pool{New: func() any {
		return wsflate.NewReader(nil, func(r io.Reader) wsflate.Decompressor { return flate.NewReader(r) })
	}}
)

// gobwasInflated sends a message back that may be compressed. b is memory.
func gobwasInflated(c net.Conn, f ws.Frame, b *buffer) error {
	compressed, err := wsflate.IsCompressed(f.Header)
	if err != nil {
		return err
	}
	plain := f.Payload
	if compressed {
		r := inflaters.Get().(*wsflate.Reader)
		defer inflaters.Put(r)
		r.Reset(bytes.NewReader(plain))
		b.Reset()
		if _, err := b.ReadFrom(r); err != nil {
			return err
		}
		plain = b.Bytes()
	}
	z := buffers.Get().(*buffer)
	defer buffers.Put(z)
	z.Reset()
	w := deflaters.Get().(*wsflate.Writer)
	defer deflaters.Put(w)
	w.Reset(z)
	if _, err := w.Write(plain); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	out := buffers.Get().(*buffer)
	defer buffers.Put(out)
	out.Reset()
	return gobwasWrite(c, out, ws.Frame{Header: ws.Header{OpCode: f.Header.OpCode, Rsv: ws.Rsv(true, false, false)}, Payload: z.Bytes()})
}

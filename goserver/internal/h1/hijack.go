package h1

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
)

// Hijack hands the connection to the handler, with the bytes that were read
// ahead already in the reader's buffer. The server knows nothing of it any more.
func (w *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.usable(); err != nil {
		return nil, nil, err
	}
	w.mu.Unlock()
	w.x.body.cut()
	w.mu.Lock()
	if err := w.usable(); err != nil {
		return nil, nil, err
	}
	s := w.s
	if w.Status != 0 && !w.headDone {
		w.completeHead(false, len(s.bodyBuf), s.bodyBuf)
	}
	w.sendBody(nil)
	if err := s.flush(); err != nil {
		return nil, nil, err
	}
	w.x.Ctx.Unwatch()
	s.conn.ReadExpiry(0)
	s.conn.WriteExpiry(0)
	ahead := bytes.Clone(s.in[s.r:s.w])
	nc, err := s.conn.Detach()
	if err != nil {
		return nil, nil, err
	}
	w.hijacked = true
	s.gone = true
	s.cfg.TellState(s.conn, http.StateHijacked)
	br := bufio.NewReaderSize(io.MultiReader(bytes.NewReader(ahead), nc), max(len(ahead), readSize))
	br.Peek(len(ahead)) // moves them into the buffer, where callers look for them
	if len(ahead) == 0 {
		br.Reset(nc)
	}
	return nc, bufio.NewReadWriter(br, bufio.NewWriterSize(nc, writeSize)), nil
}

package interop

import (
	"bufio"
	"compress/flate"
	"errors"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/gobwas/httphead"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"
	"github.com/gobwas/ws/wsutil"

	"github.com/hyperion-server/hyperion/wsframe"
)

type gobwasClient struct {
	mu        sync.Mutex // for who writes
	conn      net.Conn
	in        *wsutil.Reader
	state     wsflate.MessageState
	agreement ws.Handshake
	closing   bool
	pong      func()
}

func dialGobwas(t *testing.T, d socketDial) (socketClient, error) {
	dialer := ws.Dialer{Protocols: d.subprotocol, TLSConfig: d.tls}
	if d.deflate {
		dialer.Extensions = []httphead.Option{wsflate.DefaultParameters.Option()}
	}
	conn, early, agreement, err := dialer.Dial(t.Context(), d.url)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { conn.Close() })
	if early == nil {
		early = bufio.NewReader(conn)
	}
	c := &gobwasClient{conn: conn, agreement: agreement, pong: d.pong}
	c.in = &wsutil.Reader{Source: early, State: ws.StateClientSide | ws.StateExtended, Extensions: []wsutil.RecvExtension{&c.state}, OnIntermediate: c.control}
	return c, nil
}

func (c *gobwasClient) write(f ws.Frame) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return ws.WriteFrame(c.conn, ws.MaskFrame(f))
}

func (c *gobwasClient) Write(op wsframe.Opcode, p string) error {
	f := ws.NewFrame(ws.OpCode(op), true, []byte(p))
	if len(c.agreement.Extensions) > 0 {
		var err error
		if f, err = wsflate.CompressFrame(f); err != nil {
			return err
		}
	}
	return c.write(f)
}

func (c *gobwasClient) WriteParts(op wsframe.Opcode, parts []string) error {
	for i, p := range parts {
		kind := ws.OpContinuation
		if i == 0 {
			kind = ws.OpCode(op)
		}
		if err := c.write(ws.NewFrame(kind, i == len(parts)-1, []byte(p))); err != nil {
			return err
		}
	}
	return nil
}

func (c *gobwasClient) Read() (wsframe.Opcode, string, error) {
	for {
		h, err := c.in.NextFrame()
		if err == nil && h.OpCode.IsControl() {
			if err = c.control(h, c.in); err == nil {
				continue
			}
		}
		if err != nil {
			return 0, "", err
		}
		from := io.Reader(c.in)
		if c.state.IsCompressed() {
			from = wsflate.NewReader(c.in, func(r io.Reader) wsflate.Decompressor { return flate.NewReader(r) })
		}
		p, err := io.ReadAll(from)
		return wsframe.Opcode(h.OpCode), string(p), err
	}
}

// control answers a control frame.
func (c *gobwasClient) control(h ws.Header, from io.Reader) error {
	p := make([]byte, h.Length)
	if _, err := io.ReadFull(from, p); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	switch h.OpCode {
	case ws.OpPing:
		return c.write(ws.NewPongFrame(p))
	case ws.OpPong:
		c.pong()
		return nil
	}
	if !c.closing {
		c.write(ws.NewCloseFrame(p))
	}
	code, reason := ws.ParseCloseFrameData(p)
	return closedError{int(code), reason}
}

func (c *gobwasClient) Ping(payload string) { c.write(ws.NewPingFrame([]byte(payload))) }

func (c *gobwasClient) Close(code int, reason string) error {
	c.closing = true
	return c.write(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusCode(code), reason)))
}

func (c *gobwasClient) Subprotocol() string { return c.agreement.Protocol }

func (c *gobwasClient) Extensions() string {
	if len(c.agreement.Extensions) == 0 {
		return ""
	}
	return string(c.agreement.Extensions[0].Name)
}

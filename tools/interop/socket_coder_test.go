package interop

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"
	"github.com/hyperion-server/hyperion/wsframe"
)

type coderClient struct {
	*websocket.Conn
	ctx    context.Context
	pong   func()
	answer *http.Response

	closing atomic.Int64 // the code, if the client has closed
	closed  chan error   // what Close returned
}

func dialCoder(t *testing.T, d socketDial) (socketClient, error) {
	transport := &http.Transport{TLSClientConfig: d.tls}
	o := &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}, Subprotocols: d.subprotocol}
	if d.deflate {
		o.CompressionMode = websocket.CompressionContextTakeover
	}
	c, answer, err := websocket.Dial(t.Context(), d.url, o)
	if err != nil {
		return nil, err
	}
	c.SetReadLimit(-1)
	t.Cleanup(func() {
		c.CloseNow()
		transport.CloseIdleConnections()
	})
	return &coderClient{Conn: c, ctx: t.Context(), pong: d.pong, answer: answer, closed: make(chan error, 1)}, nil
}

func (c *coderClient) Write(op wsframe.Opcode, p string) error {
	return c.Conn.Write(c.ctx, websocket.MessageType(op), []byte(p))
}

func (c *coderClient) WriteParts(op wsframe.Opcode, parts []string) error {
	w, err := c.Writer(c.ctx, websocket.MessageType(op))
	if err != nil {
		return err
	}
	for _, p := range parts {
		if _, err := w.Write([]byte(p)); err != nil {
			return err
		}
	}
	return w.Close()
}

func (c *coderClient) Read() (wsframe.Opcode, string, error) {
	op, p, err := c.Conn.Read(c.ctx)
	if e := (websocket.CloseError{}); errors.As(err, &e) {
		err = closedError{int(e.Code), e.Reason}
	} else if code := c.closing.Load(); err != nil && code != 0 && <-c.closed == nil {
		err = closedError{int(code), ""}
	}
	return wsframe.Opcode(op), string(p), err
}

// Ping waits for the pong, which Read hears.
func (c *coderClient) Ping(string) {
	if c.Conn.Ping(c.ctx) == nil {
		c.pong()
	}
}

// Close also waits for the answer, which either it hears or Read.
func (c *coderClient) Close(code int, reason string) error {
	c.closing.Store(int64(code))
	err := c.Conn.Close(websocket.StatusCode(code), reason)
	c.closed <- err
	return err
}

func (c *coderClient) Extensions() string { return c.answer.Header.Get("Sec-WebSocket-Extensions") }

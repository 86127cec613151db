package interop

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/coder/websocket"
	"github.com/hyperion-server/hyperion/wsframe"
)

type coderClient struct {
	*websocket.Conn
	ctx    context.Context
	pong   func()
	answer *http.Response
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
	return coderClient{c, t.Context(), d.pong, answer}, nil
}

func (c coderClient) Write(op wsframe.Opcode, p string) error {
	return c.Conn.Write(c.ctx, websocket.MessageType(op), []byte(p))
}

func (c coderClient) WriteParts(op wsframe.Opcode, parts []string) error {
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

func (c coderClient) Read() (wsframe.Opcode, string, error) {
	op, p, err := c.Conn.Read(c.ctx)
	if e := (websocket.CloseError{}); errors.As(err, &e) {
		err = closedError{int(e.Code), e.Reason}
	}
	return wsframe.Opcode(op), string(p), err
}

// Ping waits for the pong, which Read hears.
func (c coderClient) Ping(string) {
	if c.Conn.Ping(c.ctx) == nil {
		c.pong()
	}
}

func (c coderClient) Close(code int, reason string) error {
	return c.Conn.Close(websocket.StatusCode(code), reason)
}

func (c coderClient) Extensions() string { return c.answer.Header.Get("Sec-WebSocket-Extensions") }

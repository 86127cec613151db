package interop

import (
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/hyperion-server/hyperion/wsframe"
)

type gorillaClient struct {
	*websocket.Conn
	answer *http.Response
}

func dialGorilla(t *testing.T, d socketDial) (socketClient, error) {
	c, answer, err := (&websocket.Dialer{TLSClientConfig: d.tls, EnableCompression: d.deflate, Subprotocols: d.subprotocol}).Dial(d.url, nil)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { c.Close() })
	c.SetPongHandler(func(string) error { d.pong(); return nil })
	return gorillaClient{c, answer}, nil
}

func (c gorillaClient) Write(op wsframe.Opcode, p string) error {
	return c.WriteMessage(int(op), []byte(p))
}

func (c gorillaClient) WriteParts(op wsframe.Opcode, parts []string) error {
	w, err := c.NextWriter(int(op)) // makes a frame whenever its buffer is full
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

func (c gorillaClient) Read() (wsframe.Opcode, string, error) {
	op, p, err := c.ReadMessage()
	if e, ok := err.(*websocket.CloseError); ok {
		err = closedError{e.Code, e.Text}
	}
	return wsframe.Opcode(op), string(p), err
}

func (c gorillaClient) Ping(payload string) {
	c.WriteControl(websocket.PingMessage, []byte(payload), time.Now().Add(time.Minute))
}

func (c gorillaClient) Close(code int, reason string) error {
	return c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), time.Now().Add(time.Minute))
}

func (c gorillaClient) Extensions() string { return c.answer.Header.Get("Sec-WebSocket-Extensions") }

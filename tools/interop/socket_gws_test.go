package interop

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/lxzan/gws"

	"github.com/hyperion-server/hyperion/wsframe"
)

type gwsClient struct {
	*gws.Conn
	hears  *gwsListener
	answer *http.Response
}

// A gwsListener hands on what gws calls it with.
type gwsListener struct {
	gws.BuiltinEventHandler
	came   chan socketMessage
	pong   func()
	closed atomic.Int64 // the code, if the client has
}

func dialGws(t *testing.T, d socketDial) (socketClient, error) {
	hears := &gwsListener{came: make(chan socketMessage, 1), pong: d.pong}
	header := make(http.Header)
	header.Set("Sec-WebSocket-Protocol", strings.Join(d.subprotocol, ", "))
	c, answer, err := gws.NewClient(hears, &gws.ClientOption{
		Addr: d.url, TlsConfig: d.tls, RequestHeader: header,
		PermessageDeflate: gws.PermessageDeflate{Enabled: d.deflate, ServerContextTakeover: true, ClientContextTakeover: true},
	})
	if err != nil {
		return nil, err
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		c.ReadLoop()
	}()
	t.Cleanup(func() {
		c.NetConn().Close()
		<-over
	})
	return gwsClient{c, hears, answer}, nil
}

func (l *gwsListener) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer m.Close()
	l.came <- socketMessage{op: wsframe.Opcode(m.Opcode), text: string(m.Bytes())}
}

func (l *gwsListener) OnPing(c *gws.Conn, payload []byte) { c.WritePong(payload) }

func (l *gwsListener) OnPong(*gws.Conn, []byte) { l.pong() }

func (l *gwsListener) OnClose(_ *gws.Conn, err error) {
	if e := (*gws.CloseError)(nil); errors.As(err, &e) {
		err = closedError{int(e.Code), string(e.Reason)}
	} else if code := l.closed.Load(); code != 0 { // gws does not wait for the answer
		err = closedError{int(code), ""}
	}
	l.came <- socketMessage{err: err}
}

func (c gwsClient) Write(op wsframe.Opcode, p string) error {
	return c.WriteMessage(gws.Opcode(op), []byte(p))
}

func (c gwsClient) WriteParts(op wsframe.Opcode, parts []string) error {
	return c.WriteFile(gws.Opcode(op), strings.NewReader(strings.Join(parts, ""))) // 128 KiB a frame
}

func (c gwsClient) Read() (wsframe.Opcode, string, error) {
	m := <-c.hears.came
	return m.op, m.text, m.err
}

func (c gwsClient) Ping(payload string) { c.WritePing([]byte(payload)) }

func (c gwsClient) Close(code int, reason string) error {
	c.hears.closed.Store(int64(code))
	return c.WriteClose(uint16(code), []byte(reason))
}

func (c gwsClient) Subprotocol() string { return c.SubProtocol() }

func (c gwsClient) Extensions() string { return c.answer.Header.Get("Sec-WebSocket-Extensions") }

package goserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/netio"
	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
	"github.com/hyperion-server/hyperion/goserver/internal/ws"
	"github.com/hyperion-server/hyperion/wsframe"
)

// A MessageType is TextMessage or BinaryMessage.
type MessageType = wsframe.Opcode

// The types of messages (RFC 6455 §5.6). The program sees to it that text which it sends is
// UTF-8; text that comes is.
const (
	TextMessage   = wsframe.Text
	BinaryMessage = wsframe.Binary
)

// A CloseError is why a WebSocket ended that the closing handshake has ended, or that broke a
// rule: it says who closed, with which code and for what reason. Its fields are Code (1005 where the Close had
// none), Reason, and Remote, which is true if the peer began.
type CloseError = ws.CloseError

// Errors of a WebSocket's methods, besides a *CloseError and what a broken connection gives: io.ErrUnexpectedEOF if the
// peer has hung up without Close, os.ErrDeadlineExceeded if it took nothing for WriteTimeout (errors.Is tells), or
// an error of the system or of HTTP/2.
//
// ErrWebSocketClosing is for the time between a Close and the end. After the end calls fail with what Err returns, which is
// another error: whoever wants to know whether a WebSocket can still be written to asks whether Err returns nil.
var (
	ErrWebSocketClosing = ws.ErrClosing      // a write behind a Close that was sent or has come, or a read of what Close has dropped
	ErrWebSocketAborted = netio.ErrAborted   // it was ended by Abort, by Server.Close, or by a Shutdown whose time was up
	ErrCloseTimeout     = ws.ErrCloseTimeout // the peer did not answer Close
	ErrQueueFull        = ws.ErrQueueFull    // the peer is too slow, and QueuePolicy is QueueDisconnect; or for a ping
	ErrMessageDropped   = ws.ErrDropped      // the same with QueueDropOldest, and nothing older could be dropped
	ErrOnMessage        = ws.ErrEngineReads  // a read of a WebSocket with OnMessage
	ErrReaderOpen       = ws.ErrReaderOpen   // a read while a message is open that NextReader began
	ErrMessageType      = ws.ErrMessageType  // neither TextMessage nor BinaryMessage
	ErrControlTooLong   = ws.ErrControlTooLong

	// ErrNoUpgrade reports a ResponseWriter that is not, and does not unwrap to, one of a Server; the error names its type.
	ErrNoUpgrade = errors.New("goserver: ResponseWriter is not a Server's; that of a middleware needs an Unwrap method")
)

// A HandshakeError is why Upgrade refused. Its fields are Status, which it answered, Reason, which was the body, and
// Detail, which only the program is told: of a refused Origin, what it was and the Host that it is not of.
type HandshakeError = ws.Refusal

// A WebSocket is a server's end of a WebSocket connection (RFC 6455), over HTTP/1.1 or a stream of
// HTTP/2 (RFC 8441).
//
// Everybody may write, at any time and from any goroutine: each message goes out whole. One
// goroutine at a time may read; with OnMessage the server reads.
//
// Somebody has to read: pings are answered, idle connections found and Close is heard by who reads. IdleTimeout and
// PingInterval hold only meanwhile. A WebSocket without OnMessage that nobody reads, and nobody closes, stays for as long
// as the server, with its descriptor or its place among the streams, also when its peer is long gone. So the handler, or
// what it has started, must read until that fails, or call Close or Abort.
//
// It outlives the handler that has upgraded it, and ends with Close, with the peer's, when the connection
// breaks or with the server. It keeps nothing of the request: what is needed of that is for Data.
type WebSocket struct {
	conn ws.Conn
	o    *WebSocketOptions
	sub  *string                     // nil: none
	hubs atomic.Pointer[memberships] // nil until it joins a topic of a Hub

	// Data is for the program.
	Data any
}

// Upgrade answers the opening handshake of a request, over to WebSocket. o may be nil. Nothing may be written to w before or
// afterwards, whether it succeeds or fails; its header's fields go with the answer, but for those of the handshake.
//
// A handshake that breaks a rule is refused, and the error is a *HandshakeError. Mistakes of the program are answered with 500: ErrNoUpgrade if w
// does not lead to the ResponseWriter of a Server, which a wrapped one does by the method Unwrap, as http.ResponseController asks;
// ErrWebSocketOptions if one of o is wrong; http.ErrNotSupported if a request of HTTP/2 is no extended CONNECT. When the response has begun, or the
// connection has broken, Upgrade fails and answers nothing.
//
// Without OnMessage the program must read the WebSocket until that fails, or Close or Abort it: nothing else ends one
// whose peer has vanished, whether the handler returns or not.
//
// Over HTTP/2 such requests come if Server.WebSockets is set, as GET with the fields that they would have on HTTP/1.1.
func Upgrade(w http.ResponseWriter, r *http.Request, o *WebSocketOptions) (*WebSocket, error) {
	if o == nil {
		o = &defaultWebSocket
	}
	up, err := upgrader(w)
	set := o.settle()
	if err == nil {
		err = set.err
	}
	if err != nil {
		answerMistake(w)
		return nil, err
	}
	answer, agreement, refusal := set.handshake.Accept(r)
	if refusal != nil {
		refuse(w, r, refusal)
		return nil, refusal
	}
	s := &WebSocket{o: o}
	if sub := strings.Clone(agreement.Subprotocol); sub != "" { // of its own: the request's memory is not kept
		s.sub = &sub
	}
	e := up.Settings().WebSockets.(*ws.Engine)
	s.conn.Init(&set.config, e.Route(o.route(r)), agreement, s.observer())
	if err := up.Upgrade(answer, &s.conn, s.conn.Start); err != nil {
		if errors.Is(err, http.ErrNotSupported) {
			answerMistake(w)
		}
		return nil, err
	}
	return s, nil
}

// upgrader unwraps w.
func upgrader(w http.ResponseWriter) (semantics.Upgrader, error) {
	for {
		if up, ok := w.(semantics.Upgrader); ok {
			return up, nil
		}
		var inner http.ResponseWriter
		if u, ok := w.(interface{ Unwrap() http.ResponseWriter }); ok {
			inner = u.Unwrap()
		}
		if inner == nil {
			return nil, fmt.Errorf("%w: %T", ErrNoUpgrade, w)
		}
		w = inner
	}
}

// refuse answers a handshake that breaks a rule.
func refuse(w http.ResponseWriter, r *http.Request, refusal *HandshakeError) {
	if refusal.Status == http.StatusUpgradeRequired {
		w.Header().Set("Sec-WebSocket-Version", "13")
		if r.ProtoMajor == 1 { // RFC 9110 §15.5.22
			w.Header().Set("Upgrade", "websocket")
			w.Header().Set("Connection", "Upgrade")
		}
	}
	http.Error(w, refusal.Reason, refusal.Status)
}

// answerMistake answers for a mistake of the program, which is not the client's business.
func answerMistake(w http.ResponseWriter) {
	http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
}

// Subprotocol returns the subprotocol that was chosen, or "".
func (s *WebSocket) Subprotocol() string {
	if s.sub == nil {
		return ""
	}
	return *s.sub
}

// Next waits for a message. It is valid until the next call that reads. All that read serve the WebSocket while they
// wait: a program reads on until that fails, with an error that says how the WebSocket ended.
func (s *WebSocket) Next() (MessageType, []byte, error) { return s.conn.Next() }

// Read waits for a message and appends it to buf.
func (s *WebSocket) Read(buf []byte) (MessageType, []byte, error) { return s.conn.Read(buf) }

// ReadContext is Read, which also ends when ctx does; the WebSocket can be read on afterwards. A
// context is registered once, however many reads it has: it costs nothing for a message.
func (s *WebSocket) ReadContext(ctx context.Context, buf []byte) (MessageType, []byte, error) {
	return s.conn.ReadContext(ctx, buf)
}

// NextReader waits for the beginning of a message and returns a reader of it, for what is too long to
// be held. It must be read to its end or closed before the next message is read. MaxMessageBytes holds for
// it, too.
func (s *WebSocket) NextReader() (MessageType, io.ReadCloser, error) {
	op, r, err := s.conn.Reader()
	if err != nil {
		return 0, nil, err
	}
	return op, r, nil
}

// SetReadDeadline sets until when reads wait, to a quarter of a second; the zero time is no limit. A read that
// it ends fails with os.ErrDeadlineExceeded and has lost nothing; but a compressed message that is read by NextReader
// cannot be gone on with, which ends the WebSocket.
func (s *WebSocket) SetReadDeadline(t time.Time) { s.conn.SetReadDeadline(t) }

// Write sends a message. When it returns, the message is on its way or in the queue, and p may be changed. Where the
// queue is full it does as QueuePolicy says: it waits, while the peer takes something each WriteTimeout, or fails
// with ErrMessageDropped or ErrQueueFull. It waits while a MessageWriter is open.
func (s *WebSocket) Write(t MessageType, p []byte) error {
	if !t.Data() {
		return ErrMessageType
	}
	return s.conn.Write(t, p)
}

// WriteText sends a text message.
func (s *WebSocket) WriteText(text string) error {
	return s.conn.Write(TextMessage, semantics.Bytes(text))
}

// WritePrepared is Write of a message that is framed, and compressed, once for all who get it. Its frame is one, whatever
// Fragment is.
func (s *WebSocket) WritePrepared(m *PreparedMessage) error {
	if !m.Opcode().Data() {
		return ErrMessageType
	}
	return s.conn.WritePrepared(m)
}

// A PreparedMessage is a message for many WebSockets.
type PreparedMessage = wsframe.PreparedMessage

// NewPreparedMessage returns a message of a type for WritePrepared, which fails with ErrMessageType if that is neither TextMessage
// nor BinaryMessage. p is copied. As of all text that is sent, the program sees to it that it is UTF-8: it is not checked, and a client
// ends the WebSocket with 1007 for what is not.
func NewPreparedMessage(t MessageType, p []byte) *PreparedMessage {
	return wsframe.NewPreparedMessage(t, p)
}

// A MessageWriter sends one message in parts, until it is closed; other messages wait meanwhile. It is an io.WriteCloser
// for one goroutine at a time, with Flush, which sends what was written so far.
type MessageWriter = ws.MessageWriter

// NextWriter begins a message that is written in parts. It waits while another MessageWriter is open. The frames have up
// to 16 KiB each; if compression was agreed all are compressed, however short the message is. It fails as Write does when nothing
// can be sent any more; if that comes later, so does what sends the next frame.
func (s *WebSocket) NextWriter(t MessageType) (*MessageWriter, error) {
	if !t.Data() {
		return nil, ErrMessageType
	}
	return s.conn.Writer(t)
}

// Ping sends a ping with a payload of at most 125 bytes. OnPong hears the answer. It does not wait: where the queue
// is full it goes 4 KiB beyond that, with the answers to the peer's pings; then it fails with ErrQueueFull, whatever
// QueuePolicy is, and the WebSocket stays open.
func (s *WebSocket) Ping(payload []byte) error { return s.conn.Ping(payload) }

// Close closes the WebSocket with a code and a reason, of which 123 bytes are sent, and waits for the peer's
// answer: CloseTimeout at most, then with ErrCloseTimeout. What else comes before that goes to OnMessage, or to the
// goroutine that reads; where none does, it is dropped. The code must be one that may be sent (RFC 6455 §7.4), else it
// fails with wsframe.ErrCloseCode, and the reason UTF-8, else with wsframe.ErrUTF8: then nothing is sent.
// wsframe.CloseNoStatus, which is never sent, stands for a Close that has neither code nor reason.
//
// It returns nil without waiting for a WebSocket with OnMessage, and for all while OnPing or OnPong runs, which may have
// called it. OnClose hears of the end.
func (s *WebSocket) Close(code wsframe.CloseCode, reason string) error {
	return s.conn.Close(code, reason)
}

// Abort ends the WebSocket at once, without Close.
func (s *WebSocket) Abort() { s.conn.Abort() }

// Err returns why the WebSocket has ended, or is about to; nil while it is open.
func (s *WebSocket) Err() error { return s.conn.Err() }

// RemoteAddr returns the peer's address.
func (s *WebSocket) RemoteAddr() net.Addr { return s.conn.RemoteAddr() }

// An observer has the hooks of a WebSocket called that the program reads; a driven one has messages
// handed out as well.
type (
	observer WebSocket
	driven   struct{ *observer }
)

func (s *WebSocket) observer() ws.Observer {
	o := (*observer)(s)
	if s.o.OnMessage != nil {
		return driven{o}
	}
	return o
}

func (d driven) Message(t MessageType, p []byte) {
	s := (*WebSocket)(d.observer)
	s.o.OnMessage(s, t, p)
}

func (s *observer) Ping(p []byte) {
	if s.o.OnPing != nil {
		s.o.OnPing((*WebSocket)(s), p)
	}
}

func (s *observer) Pong(p []byte) {
	if s.o.OnPong != nil {
		s.o.OnPong((*WebSocket)(s), p)
	}
}

func (s *observer) Closed(err error) {
	(*WebSocket)(s).leaveHubs()
	if s.o.OnClose != nil {
		s.o.OnClose((*WebSocket)(s), err)
	}
}

var _ ws.Handler = driven{}

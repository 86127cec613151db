package goserver

import (
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/ws"
	"github.com/hyperion-server/hyperion/wsframe"
)

// Defaults of WebSocketOptions.
const (
	DefaultMaxMessageBytes = 1 << 20
	DefaultMaxRatio        = 200
	DefaultSocketPing      = 30 * time.Second
	DefaultSocketIdle      = 60 * time.Second
	DefaultCloseTimeout    = 5 * time.Second
	DefaultQueueBytes      = 256 << 10
	DefaultCompressFrom    = 256
)

// WebSocketOptions are what the WebSockets of a route have in common. A zero field means its default,
// a negative number or time means none. They must not be changed, or copied, after the first Upgrade. When one is
// wrong, each Upgrade fails with ErrWebSocketOptions.
type WebSocketOptions struct {
	// Subprotocols are those that are spoken, tokens, the best first. SelectSubprotocol chooses from what a client
	// offers, in their place; what was not offered does not count.
	Subprotocols      []string
	SelectSubprotocol func(offered []string) string

	// Origins are the values of Origin that are allowed beside that of the server itself, as browsers send them: in
	// lower case, without path and without the scheme's own port, "https://example.org" or "http://localhost:3000". "*" is any. A
	// client without Origin, which is no browser, is let in unless this is set.
	Origins []string

	MaxMessageBytes int // of a message that comes, inflated; default DefaultMaxMessageBytes. Passed: 1009

	// MaxRatio is of inflated to compressed bytes, of a message that comes with more than 1 MiB inflated; default
	// DefaultMaxRatio. Passed: 1009. It is for those that raise MaxMessageBytes above 1 MiB: up to there that is the only
	// limit. One repeated line, or an empty picture, has up to 1032: where such messages may be longer, set it to that, or to none.
	MaxRatio int

	// IdleTimeout is how long the peer may be silent; default DefaultSocketIdle. Passed: 1001. Each byte is a sign of
	// life, and so a WebSocket whose peer answers pings stays open without messages. But a message that has begun has to
	// go on: so long without a byte of its payload ends the WebSocket, too. Of its frames 1024 may be empty beside the
	// first and the last; more: 1008. It holds while somebody reads: the server, with OnMessage, or the program.
	IdleTimeout time.Duration

	PingInterval time.Duration // without a byte from the peer, until it is pinged; default DefaultSocketPing
	WriteTimeout time.Duration // in which the peer takes no byte; default DefaultWriteIdleTimeout. Passed: the connection is cut
	CloseTimeout time.Duration // for the peer's Close, and for what is queued before ours; default DefaultCloseTimeout, none: an hour

	// QueueBytes are how many bytes may wait for a slow peer; default DefaultQueueBytes, none: one message. One message
	// may be longer, alone. QueuePolicy says what becomes of a message that finds no room. While a MessageWriter is open,
	// what a Hub publishes is kept behind its message: QueueBytes of that and of what waits together, where each message
	// that is kept counts for 128 bytes more than its frame.
	QueueBytes  int
	QueuePolicy QueuePolicy

	Compression  Compression
	CompressFrom int // bytes from which messages are compressed; default DefaultCompressFrom
	Fragment     int // bytes of a frame at most; 0: messages are not split. What is prepared, or published by a Hub, is one frame all the same

	// Route is the name under which Server.WebSocketStats counts; default: the pattern of
	// http.ServeMux that the request has matched, or "unrouted".
	Route string

	// OnMessage has the server read: it is called for each message once the handler that called Upgrade has
	// returned, by one goroutine at a time for a WebSocket. The message is valid until it returns. A WebSocket holds
	// neither a goroutine nor buffers while no message comes. Messages that come behind a Close of the program's own,
	// before the peer's answer, are handed out as well; behind Abort none is. Where OnMessage is nil, the program must
	// read: see WebSocket.
	OnMessage func(s *WebSocket, t MessageType, message []byte)

	// OnPing and OnPong are told of pings, which are answered by themselves, and pongs; the payload is valid until
	// they return. They are called by who reads, and must not read themselves. OnClose is called once at the end, with a *CloseError or what the connection broke with.
	//
	// A callback that panics, or ends its goroutine, closes the WebSocket with 1011. The panic is logged, unless it is
	// http.ErrAbortHandler.
	OnPing  func(s *WebSocket, payload []byte)
	OnPong  func(s *WebSocket, payload []byte)
	OnClose func(s *WebSocket, err error)

	once sync.Once
	set  webSocketSettings
}

// A QueuePolicy says what becomes of a message when WebSocketOptions.QueueBytes wait, since the peer is
// slow.
type QueuePolicy uint8

const (
	QueueBlock      = QueuePolicy(ws.Block)      // who writes waits for room
	QueueDropOldest = QueuePolicy(ws.DropOldest) // the oldest messages are dropped that have not begun to leave; or that message alone, where it would find no room even then
	QueueDisconnect = QueuePolicy(ws.Disconnect) // the WebSocket is closed with 1013
)

// A Compression says whether messages are compressed (RFC 7692).
type Compression uint8

const (
	// CompressionAuto compresses for clients that offer it, each message by itself: nothing is kept
	// between messages.
	CompressionAuto Compression = iota
	// CompressionTakeover lets messages refer to those before them, which compresses small ones
	// better, and keeps up to 36 KiB with a WebSocket for that.
	CompressionTakeover
	// CompressionRequired is CompressionAuto, and refuses clients that do not offer it.
	CompressionRequired
	// CompressionOff compresses nothing.
	CompressionOff
)

// webSocketSettings are options with their defaults.
type webSocketSettings struct {
	config    ws.Config
	handshake ws.Handshake
	err       error // what is wrong
}

var defaultWebSocket WebSocketOptions

func (o *WebSocketOptions) settle() *webSocketSettings {
	o.once.Do(func() {
		if o.set.err = o.check(); o.set.err != nil {
			return
		}
		o.set.config = ws.Config{
			MaxMessage: orDefault(o.MaxMessageBytes, DefaultMaxMessageBytes), MaxRatio: orDefault(o.MaxRatio, DefaultMaxRatio),
			IdleTimeout: orDefault(o.IdleTimeout, DefaultSocketIdle), PingInterval: orDefault(o.PingInterval, DefaultSocketPing),
			WriteTimeout: orDefault(o.WriteTimeout, DefaultWriteIdleTimeout), CloseTimeout: orDefault(o.CloseTimeout, DefaultCloseTimeout),
			QueueBytes: max(orDefault(o.QueueBytes, DefaultQueueBytes), 1), Full: ws.Policy(o.QueuePolicy),
			Fragment: max(o.Fragment, 0), CompressFrom: orDefault(o.CompressFrom, DefaultCompressFrom),
		}
		o.set.handshake = ws.Handshake{
			Origins: o.Origins, Subprotocol: o.SelectSubprotocol,
			Deflate: o.deflate(), MustDeflate: o.Compression == CompressionRequired,
		}
		if o.SelectSubprotocol == nil && len(o.Subprotocols) > 0 {
			o.set.handshake.Subprotocol = o.firstOffered
		}
	})
	return &o.set
}

// deflate returns how messages are to be compressed. What may be dropped must not be referred to.
func (o *WebSocketOptions) deflate() *wsframe.Deflate {
	var d wsframe.Deflate
	if o.Compression != CompressionTakeover {
		d.Server.NoContextTakeover, d.Client.NoContextTakeover = true, true
	}
	if o.QueuePolicy == QueueDropOldest {
		d.Server.NoContextTakeover = true
	}
	if o.Compression == CompressionOff {
		return nil
	}
	return &d
}

func (o *WebSocketOptions) firstOffered(offered []string) string {
	for _, own := range o.Subprotocols {
		if slices.Contains(offered, own) {
			return own
		}
	}
	return ""
}

func (o *WebSocketOptions) route(r *http.Request) string {
	switch {
	case o.Route != "":
		return o.Route
	case r.Pattern != "":
		return r.Pattern
	}
	return "unrouted"
}

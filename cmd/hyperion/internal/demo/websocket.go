package demo

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/wsframe"
)

// Bounds of what a socket of the echo may send: in bytes, of which each message and ping has
// some more than its own.
const (
	echoPerMessage = 1 << 10
	echoPerSecond  = 16 << 20
	echoAtOnce     = 64 << 20
)

// A notice is what the server says on a socket: one JSON object a text message. Kind
// says which of the fields are there.
type notice struct {
	Kind     string   `json:"kind"`               // hello, said, came, went, refused
	Protocol string   `json:"protocol,omitempty"` // hello: that of the request that was upgraded
	Room     string   `json:"room,omitempty"`     // hello
	Name     string   `json:"name,omitempty"`     // hello: the member's own; said, came, went: who
	Here     []string `json:"here,omitempty"`     // hello: all members
	Last     []notice `json:"last,omitempty"`     // hello: what was said, the oldest first
	Text     string   `json:"text,omitempty"`     // said, refused
	At       int64    `json:"at,omitempty"`       // said: ms since 1970
}

// json returns the message. It has no character that HTML knows: encoding/json escapes them.
func (n notice) json() []byte {
	b, _ := json.Marshal(n) // of strings and numbers: cannot fail
	return b
}

// serveEcho returns the handler that says hello and then sends back what comes: so many bytes a
// second, and at once.
func serveEcho(rate, burst float64) http.HandlerFunc {
	allowed := func(ws *goserver.WebSocket, p []byte) bool {
		ok := ws.Data.(*allowance).take(float64(len(p)+echoPerMessage), time.Now())
		if !ok {
			ws.Close(wsframe.ClosePolicyViolation, "more than 16 MiB a second")
		}
		return ok
	}
	o := &goserver.WebSocketOptions{
		OnMessage: func(ws *goserver.WebSocket, t goserver.MessageType, p []byte) {
			if allowed(ws, p) {
				ws.Write(t, p)
			}
		},
		OnPing: func(ws *goserver.WebSocket, p []byte) { allowed(ws, p) },
	}
	return func(w http.ResponseWriter, r *http.Request) {
		ws, err := goserver.Upgrade(w, r, o)
		if err != nil {
			return // it is answered
		}
		ws.Data = newAllowance(rate, burst)
		ws.Write(goserver.TextMessage, notice{Kind: "hello", Protocol: r.Proto}.json())
	}
}

// An allowance bounds what one socket sends. It is not safe for concurrent use, which the
// callbacks of a socket are not.
type allowance struct {
	rate, burst float64 // units a second, and at once
	left        float64
	at          time.Time
}

func newAllowance(rate, burst float64) *allowance {
	return &allowance{rate: rate, burst: burst, left: burst, at: time.Now()}
}

// refill adds what the time since the last call has brought.
func (a *allowance) refill(now time.Time) {
	a.left = min(a.burst, a.left+a.rate*now.Sub(a.at).Seconds())
	a.at = now
}

// full tells whether nothing of it is used.
func (a *allowance) full(now time.Time) bool {
	a.refill(now)
	return a.left == a.burst
}

// take uses n units, and returns whether they were there.
func (a *allowance) take(n float64, now time.Time) bool {
	a.refill(now)
	if a.left < n {
		return false
	}
	a.left -= n
	return true
}

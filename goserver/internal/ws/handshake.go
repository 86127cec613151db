package ws

import (
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/hyperion-server/hyperion/wsframe"
)

// Handshake is what a route asks of the opening handshake.
type Handshake struct {
	Subprotocol func(offered []string) string // nil: none
	Origins     []string                      // allowed beside the server's own; "*" is any
	Deflate     *wsframe.Deflate              // nil: none
	MustDeflate bool                          // refuse who does not offer what is acceptable
}

// A Refusal is the answer to an opening handshake that fails.
type Refusal struct {
	Status int
	Reason string // the body
	Detail string // what the client is not told, or ""
}

func (r *Refusal) Error() string {
	if r.Detail == "" {
		return "websocket: " + r.Reason
	}
	return "websocket: " + r.Reason + ": " + r.Detail
}

// The rules of the opening handshake (RFC 6455 §4.2.1), in the order in which they are held.
var (
	ErrNotUpgrade  = rule(http.StatusUpgradeRequired, "WebSocket upgrade expected")
	ErrMethod      = rule(http.StatusBadRequest, "WebSocket upgrade requires GET")
	ErrHTTPVersion = rule(http.StatusBadRequest, "WebSocket upgrade requires HTTP/1.1+")
	ErrNoHost      = rule(http.StatusBadRequest, "Host header required")
	ErrVersion     = rule(http.StatusUpgradeRequired, "Unsupported Sec-WebSocket-Version (need 13)")
	ErrNoKey       = rule(http.StatusBadRequest, "Sec-WebSocket-Key required")
	ErrKey         = rule(http.StatusBadRequest, "Sec-WebSocket-Key must decode to 16 bytes")
	ErrOrigin      = rule(http.StatusBadRequest, "Origin not in allow-list")
	ErrNoDeflate   = rule(http.StatusBadRequest, "permessage-deflate required but not offered")
	ErrBadDeflate  = rule(http.StatusBadRequest, "no acceptable permessage-deflate parameter set")
	ErrExtensions  = rule(http.StatusBadRequest, "malformed Sec-WebSocket-Extensions")
	ErrContent     = rule(http.StatusBadRequest, "WebSocket upgrade must have no content")
)

func rule(status int, reason string) *Refusal { return &Refusal{Status: status, Reason: reason} }

const version = "13"

// ProtocolField is the name under which a request has the :protocol of an extended
// CONNECT (RFC 8441 §4).
const ProtocolField = ":protocol"

// Wanted reports whether a request asks to go over to WebSocket: by Upgrade (RFC 6455 §4.2.1),
// or by an extended CONNECT.
func Wanted(r *http.Request) bool {
	if p := r.Header[ProtocolField]; len(p) == 1 {
		return p[0] == "websocket"
	}
	return httpguts.HeaderValuesContainsToken(r.Header["Upgrade"], "websocket") &&
		httpguts.HeaderValuesContainsToken(r.Header["Connection"], "upgrade")
}

// Accept holds a request against the rules, and returns the fields of the answer, with
// nil for one that must not be in it. A refusal with 426 is to name the version, in Sec-WebSocket-Version.
func (h *Handshake) Accept(r *http.Request) (answer http.Header, a Agreement, refusal *Refusal) {
	key, refusal := opening(r)
	if refusal != nil {
		return nil, a, refusal
	}
	if !h.originAllowed(r) {
		return nil, a, originRefused(r)
	}
	answer = make(http.Header, 5)
	answer["Sec-Websocket-Protocol"], answer["Sec-Websocket-Extensions"] = nil, nil // in place of the program's: it agrees on nothing
	if a.Deflate, refusal = h.negotiate(r, answer); refusal != nil {
		return nil, a, refusal
	}
	if r.ContentLength != 0 && key != "" {
		return nil, a, ErrContent
	}
	if a.Subprotocol = h.subprotocol(r.Header["Sec-Websocket-Protocol"]); a.Subprotocol != "" {
		answer["Sec-Websocket-Protocol"] = []string{a.Subprotocol}
	}
	if key != "" {
		answer["Upgrade"] = []string{"websocket"}
		answer["Connection"] = []string{"Upgrade"}
		answer["Sec-Websocket-Accept"] = []string{acceptance(key)}
	}
	return answer, a, nil
}

// opening holds what every request must have. A stream of HTTP/2 has no key, which is "" then.
func opening(r *http.Request) (key string, refusal *Refusal) {
	connect := len(r.Header[ProtocolField]) > 0
	switch {
	case !Wanted(r):
		return "", ErrNotUpgrade
	case r.Method != http.MethodGet && !(connect && r.Method == http.MethodConnect):
		return "", ErrMethod
	case !r.ProtoAtLeast(1, 1):
		return "", ErrHTTPVersion
	case r.Host == "":
		return "", ErrNoHost
	case len(r.Header["Sec-Websocket-Version"]) != 1 || strings.TrimSpace(r.Header["Sec-Websocket-Version"][0]) != version:
		return "", ErrVersion
	case connect:
		return "", nil
	}
	keys := r.Header["Sec-Websocket-Key"]
	if len(keys) != 1 || keys[0] == "" {
		return "", ErrNoKey
	}
	if b, err := base64.StdEncoding.Strict().DecodeString(keys[0]); err != nil || len(b) != 16 || len(keys[0]) != 24 {
		return "", ErrKey
	}
	return keys[0], nil
}

// acceptance is what the server shows to have understood (RFC 6455 §4.2.2).
func acceptance(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// originAllowed holds Origin against the server's own, and the list (RFC 6455 §10.2). A
// client that sends none is no browser, and can send what it likes: it is let in unless there is a list.
func (h *Handshake) originAllowed(r *http.Request) bool {
	if slices.Contains(h.Origins, "*") {
		return true
	}
	origins := r.Header["Origin"]
	if len(origins) == 0 {
		return len(h.Origins) == 0
	}
	if len(origins) > 1 {
		return false
	}
	if slices.Contains(h.Origins, origins[0]) {
		return true
	}
	u, err := url.Parse(origins[0])
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}

// maxDetail is how much of a field a Refusal quotes, in characters.
const maxDetail = 200

// originRefused is ErrOrigin, with what was compared.
func originRefused(r *http.Request) *Refusal {
	refused := *ErrOrigin
	if origins := r.Header["Origin"]; len(origins) == 1 {
		refused.Detail = fmt.Sprintf("Origin %.*q, Host %.*q", maxDetail, origins[0], maxDetail, r.Host)
	} else {
		refused.Detail = fmt.Sprintf("%d fields Origin, Host %.*q", len(origins), maxDetail, r.Host)
	}
	return &refused
}

// negotiate settles the compression.
func (h *Handshake) negotiate(r *http.Request, answer http.Header) (*wsframe.Deflate, *Refusal) {
	if h.Deflate == nil {
		return nil, nil
	}
	agreed, value, err := h.Deflate.Negotiate(r.Header["Sec-Websocket-Extensions"])
	switch {
	case err == nil:
		answer["Sec-Websocket-Extensions"] = []string{value}
		return &agreed, nil
	case errors.Is(err, wsframe.ErrExtensionSyntax):
		return nil, ErrExtensions
	case !h.MustDeflate:
		return nil, nil
	case errors.Is(err, wsframe.ErrNotOffered):
		return nil, ErrNoDeflate
	}
	return nil, ErrBadDeflate
}

// IsSubprotocol reports whether a subprotocol may have that name: a token (RFC 6455 §4.1).
func IsSubprotocol(name string) bool { return httpguts.ValidHeaderFieldName(name) }

// subprotocol asks the route to choose from what is offered; what was not offered does
// not count (RFC 6455 §4.2.2).
func (h *Handshake) subprotocol(fields []string) string {
	if h.Subprotocol == nil || len(fields) == 0 {
		return ""
	}
	var offered []string
	for _, f := range fields {
		for name := range strings.SplitSeq(f, ",") {
			if name = textproto.TrimString(name); name != "" {
				offered = append(offered, name)
			}
		}
	}
	if chosen := h.Subprotocol(offered); slices.Contains(offered, chosen) {
		return chosen
	}
	return ""
}

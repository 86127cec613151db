package goserver

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/hyperion-server/hyperion/goserver/internal/ws"
)

// ErrWebSocketOptions is in the errors of Upgrade for which the options are the cause.
var ErrWebSocketOptions = errors.New("goserver: wrong WebSocketOptions")

// check returns what is wrong with the options. No number is: a negative one means none.
func (o *WebSocketOptions) check() error {
	for _, name := range o.Subprotocols {
		if !ws.IsSubprotocol(name) {
			return fmt.Errorf("%w: Subprotocols: %q: want a token (RFC 6455 §4.1)", ErrWebSocketOptions, name)
		}
	}
	for _, origin := range o.Origins {
		if !isOrigin(origin) {
			return fmt.Errorf(`%w: Origins: %q: want it as browsers send it, scheme://host or scheme://host:port, or "null", or "*"`, ErrWebSocketOptions, origin)
		}
	}
	if o.QueuePolicy > QueueDisconnect {
		return fmt.Errorf("%w: QueuePolicy: %d: want QueueBlock, QueueDropOldest or QueueDisconnect", ErrWebSocketOptions, o.QueuePolicy)
	}
	if o.Compression > CompressionOff {
		return fmt.Errorf("%w: Compression: %d: want CompressionAuto, CompressionTakeover, CompressionRequired or CompressionOff", ErrWebSocketOptions, o.Compression)
	}
	return nil
}

// originForm is an origin as it is sent (RFC 6454 §6.2): in lower case, and without path.
var originForm = regexp.MustCompile(`^[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?$`)

// isOrigin reports whether an element of Origins can be what a browser sends.
func isOrigin(s string) bool {
	switch {
	case s == "*", s == "null", s == "file://":
		return true
	case strings.HasPrefix(s, "http://") && strings.HasSuffix(s, ":80"), strings.HasPrefix(s, "https://") && strings.HasSuffix(s, ":443"):
		return false // a scheme's own port is left out
	}
	return originForm.MatchString(s)
}

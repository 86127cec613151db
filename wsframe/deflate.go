package wsframe

import (
	"errors"
	"strconv"
)

// Extension is the name of permessage-deflate in Sec-WebSocket-Extensions.
const Extension = "permessage-deflate"

const (
	minWindowBits = 8
	maxWindowBits = 15
)

// A Window is how one end compresses (RFC 7692 section 7.1).
type Window struct {
	// MaxBits is the base-2 logarithm of the window, from 8 to 15. 0 is 15.
	MaxBits int

	// NoContextTakeover says that each message is compressed for itself.
	NoContextTakeover bool
}

func (w Window) bits() int {
	if w.MaxBits == 0 {
		return maxWindowBits
	}
	return w.MaxBits
}

func (w Window) valid() bool {
	return w.MaxBits == 0 || w.MaxBits >= minWindowBits && w.MaxBits <= maxWindowBits
}

// A Deflate is permessage-deflate as one end wants it, or as both have agreed on
// it: how the server compresses and how the client does. The zero value wants
// all that the extension has.
type Deflate struct {
	Server, Client Window
}

// Errors of a handshake.
var (
	// ErrNotOffered is an opening handshake without an offer of
	// permessage-deflate. The connection can go on without.
	ErrNotOffered = errors.New("wsframe: permessage-deflate not offered")

	// ErrNotAcceptable is an opening handshake whose offers all have a parameter
	// that is unknown, invalid or there twice (RFC 7692 section 7.1). The
	// connection can go on without the extension.
	ErrNotAcceptable = errors.New("wsframe: no acceptable offer of permessage-deflate")

	// ErrAnswer is a server's answer that the offer does not allow. The
	// client must fail the connection (RFC 7692 section 7.1).
	ErrAnswer = errors.New("wsframe: answer does not fit the offer of permessage-deflate")

	// ErrWindowBits is a Deflate with a window that is not of 8 to 15 bits.
	ErrWindowBits = errors.New("wsframe: window not of 8 to 15 bits")
)

// Validate returns ErrWindowBits if a window is not possible.
func (d Deflate) Validate() error {
	if !d.Server.valid() || !d.Client.valid() {
		return ErrWindowBits
	}
	return nil
}

// Negotiate chooses from the values of a request's Sec-WebSocket-Extensions
// fields the first offer of permessage-deflate that is acceptable to a server
// which wants d. It returns what is agreed then, and the value of the response's
// Sec-WebSocket-Extensions field.
//
// The agreed windows are no larger than those of d, and contexts are not taken
// over where d or the client says so. Only a client that cannot be told the size
// of its window (section 7.1.2.2) has one of 15 bits; if d has less, it is told
// not to take over its context, so that the server need not keep it.
//
// The error is ErrNotOffered, ErrNotAcceptable or ErrExtensionSyntax.
func (d Deflate) Negotiate(fields []string) (agreed Deflate, answer string, err error) {
	list, err := parseExtensions(fields)
	if err != nil {
		return Deflate{}, "", err
	}
	err = ErrNotOffered
	for _, x := range list {
		if x.name != Extension {
			continue
		}
		o, ok := parseOffer(x.params)
		if !ok {
			err = ErrNotAcceptable
			continue
		}
		agreed, answer = o.answer(d)
		return agreed, answer, nil
	}
	return Deflate{}, "", err
}

// An offer is what the parameters of an element say. A window's MaxBits is 0 if
// they name none.
type offer struct {
	Deflate
	clientBits bool // client_max_window_bits is there
}

// The parameters of RFC 7692 section 7.1.
const (
	serverNoTakeover = "server_no_context_takeover"
	clientNoTakeover = "client_no_context_takeover"
	serverMaxBits    = "server_max_window_bits"
	clientMaxBits    = "client_max_window_bits"
)

// parseOffer reports whether the parameters are known, valid and there once.
func parseOffer(params []param) (o offer, ok bool) {
	for i, p := range params {
		for _, q := range params[:i] {
			if p.name == q.name {
				return offer{}, false
			}
		}
		switch p.name {
		case serverNoTakeover:
			o.Server.NoContextTakeover, ok = true, !p.valued
		case clientNoTakeover:
			o.Client.NoContextTakeover, ok = true, !p.valued
		case serverMaxBits:
			o.Server.MaxBits, ok = parseBits(p.value)
		case clientMaxBits:
			o.clientBits, ok = true, true
			if p.valued {
				o.Client.MaxBits, ok = parseBits(p.value)
			}
		default:
			ok = false
		}
		if !ok {
			return offer{}, false
		}
	}
	return o, true
}

// parseBits reads a number from 8 to 15, without leading zeros (section 7.1.2).
func parseBits(s string) (bits int, ok bool) {
	switch {
	case len(s) == 1 && (s == "8" || s == "9"):
		return int(s[0] - '0'), true
	case len(s) == 2 && s[0] == '1' && s[1] >= '0' && s[1] <= '5':
		return 10 + int(s[1]-'0'), true
	}
	return 0, false
}

// answer returns what a server that wants d agrees on.
func (o offer) answer(d Deflate) (agreed Deflate, answer string) {
	agreed.Server = Window{
		MaxBits:           min(d.Server.bits(), o.Server.bits()),
		NoContextTakeover: d.Server.NoContextTakeover || o.Server.NoContextTakeover,
	}
	agreed.Client = Window{
		MaxBits:           min(d.Client.bits(), o.Client.bits()),
		NoContextTakeover: d.Client.NoContextTakeover || o.Client.NoContextTakeover,
	}
	if !o.clientBits && agreed.Client.MaxBits < maxWindowBits {
		agreed.Client = Window{MaxBits: maxWindowBits, NoContextTakeover: true}
	}
	return agreed, agreed.text(o.Server.MaxBits != 0)
}

// text returns d as an element of Sec-WebSocket-Extensions. Windows of 15 bits
// are the default and are left out, but for the server's if that was asked for.
func (d Deflate) text(serverBits bool) string {
	b := []byte(Extension)
	if d.Server.NoContextTakeover {
		b = append(b, "; "+serverNoTakeover...)
	}
	if d.Client.NoContextTakeover {
		b = append(b, "; "+clientNoTakeover...)
	}
	if serverBits || d.Server.bits() < maxWindowBits {
		b = append(b, "; "+serverMaxBits+"="...)
		b = strconv.AppendInt(b, int64(d.Server.bits()), 10)
	}
	if d.Client.bits() < maxWindowBits {
		b = append(b, "; "+clientMaxBits+"="...)
		b = strconv.AppendInt(b, int64(d.Client.bits()), 10)
	}
	return string(b)
}

// Offer returns the value of the Sec-WebSocket-Extensions field with which a
// client that wants d offers permessage-deflate.
func (d Deflate) Offer() string {
	s := d.text(false)
	if d.Client.bits() == maxWindowBits {
		s += "; " + clientMaxBits
	}
	return s
}

// Accept reads the values of a response's Sec-WebSocket-Extensions fields, which
// answer d.Offer(). ok is false if the server declined.
//
// The error is ErrExtensionSyntax, or ErrAnswer if the answer names another
// extension, has an invalid parameter or does not do what d asks of the server.
func (d Deflate) Accept(fields []string) (agreed Deflate, ok bool, err error) {
	list, err := parseExtensions(fields)
	switch {
	case err != nil:
		return Deflate{}, false, err
	case len(list) == 0:
		return Deflate{}, false, nil
	case len(list) > 1 || list[0].name != Extension:
		return Deflate{}, false, ErrAnswer
	}
	o, valid := parseOffer(list[0].params)
	if !valid ||
		o.clientBits && o.Client.MaxBits == 0 ||
		d.Server.NoContextTakeover && !o.Server.NoContextTakeover ||
		o.Server.bits() > d.Server.bits() {
		return Deflate{}, false, ErrAnswer
	}
	agreed.Server = Window{o.Server.bits(), o.Server.NoContextTakeover}
	agreed.Client = Window{min(d.Client.bits(), o.Client.bits()), d.Client.NoContextTakeover || o.Client.NoContextTakeover}
	return agreed, true, nil
}

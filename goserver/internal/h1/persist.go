package h1

import (
	"bytes"

	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// options are the members of the Connection and Expect fields that mean
// something to this package.
type options uint8

const (
	optionClose options = 1 << iota
	optionKeepAlive
	optionUpgrade
	expectContinue
	expectOther
)

// connectionOptions reads the value of one Connection field (RFC 9110 §7.6.1).
// Options that it does not know, and empty members, are passed over.
func connectionOptions(v []byte) (o options) {
	for more := true; more; {
		var option []byte
		option, v, more = bytes.Cut(v, comma)
		switch option = semantics.Trim(option); {
		case semantics.FoldEqual(option, "keep-alive"):
			o |= optionKeepAlive
		case semantics.FoldEqual(option, "close"):
			o |= optionClose
		case semantics.FoldEqual(option, "upgrade"):
			o |= optionUpgrade
		}
	}
	return o
}

// expectations reads the value of one Expect field.
func expectations(v []byte) (o options) {
	continues, other := semantics.Expectations(v)
	if continues {
		o |= expectContinue
	}
	if other {
		o |= expectOther
	}
	return o
}

var comma = []byte{','}

// keepAlive decides whether the client wants the connection to persist, from
// its version and all its Connection options (RFC 9112 §9.3).
func (o options) keepAlive(minor int) bool {
	return o&optionClose == 0 && (minor >= 1 || o&optionKeepAlive != 0)
}

package h1

import "bytes"

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
		switch option = trim(option); {
		case foldEqual(option, "keep-alive"):
			o |= optionKeepAlive
		case foldEqual(option, "close"):
			o |= optionClose
		case foldEqual(option, "upgrade"):
			o |= optionUpgrade
		}
	}
	return o
}

// expectations reads the value of one Expect field (RFC 9110 §10.1.1).
func expectations(v []byte) (o options) {
	for more := true; more; {
		var expectation []byte
		expectation, v, more = bytes.Cut(v, comma)
		switch expectation = trim(expectation); {
		case len(expectation) == 0:
		case foldEqual(expectation, "100-continue"):
			o |= expectContinue
		default:
			o |= expectOther
		}
	}
	return o
}

var comma = []byte{','}

// keepAlive decides whether the client wants the connection to persist, from
// its version and all its Connection options (RFC 9112 §9.3).
func (o options) keepAlive(minor int) bool {
	return o&optionClose == 0 && (minor >= 1 || o&optionKeepAlive != 0)
}

package h1

import (
	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// effectiveHost returns the host that a request is for. That of the target, if
// it has one, wins over the Host field (RFC 9112 §3.2.2), which must be valid
// all the same, and there once on HTTP/1.1. An empty Host field is valid: it
// says that the target URI has no authority, and the server's own applies
// (RFC 9112 §3.3).
func effectiveHost(target, field []byte, fields, minor int) ([]byte, error) {
	switch {
	case fields == 0 && minor >= 1:
		return target, ErrHostMissing
	case fields > 1:
		return target, ErrHostRepeated
	}
	if len(field) > 0 {
		if host, _, ok := semantics.SplitHost(field); !ok || len(host) == 0 {
			return target, ErrHostInvalid
		}
	}
	if len(target) > 0 {
		return target, nil
	}
	return field, nil
}

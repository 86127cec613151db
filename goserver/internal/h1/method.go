package h1

import "github.com/hyperion-server/hyperion/goserver/internal/direct"

// methodName returns the method b, without allocating if it is registered.
func methodName(b []byte) string {
	if m, ok := direct.Method(b); ok {
		return m
	}
	return string(b)
}

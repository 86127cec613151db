package ktls

import "errors"

// Errors of the system.
var (
	// ErrUnsupported reports that the system has no kernel TLS. The error that is
	// returned says why.
	ErrUnsupported = errors.New("ktls: kernel TLS is not available")
	// ErrRekey reports that the kernel cannot change the keys of a connection.
	ErrRekey = errors.New("ktls: the kernel cannot change keys")
)

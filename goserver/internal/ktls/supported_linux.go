package ktls

import (
	"crypto/tls"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// Supported returns nil when the kernel can send TLS 1.3 with AES-128-GCM, the
// suite that every client has, else an error that is ErrUnsupported and says what
// is missing. It looks once, with a connection to itself over the loopback.
//
// The kernel loads its module, tls, on demand for a process with CAP_NET_ADMIN
// only; for others it must have been loaded.
func Supported() error { return probed().err }

// CanRekey reports whether the kernel can change the keys of a connection, as Linux
// 6.14 and later can.
func CanRekey() bool { return probed().rekey }

type support struct {
	err   error
	rekey bool
}

var probed = sync.OnceValue(func() support {
	rekey, err := probe()
	switch {
	case err == nil, errors.Is(err, ErrUnsupported) && !errors.Is(err, unix.ENOENT):
	case errors.Is(err, ErrUnsupported):
		err = fmt.Errorf("%w (is the module tls loaded? modprobe tls)", err)
	default:
		err = fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	return support{err, rekey}
})

// probe enables kernel TLS on a connection of its own.
func probe() (rekey bool, err error) {
	l, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false, err
	}
	defer unix.Close(l)
	if err := unix.Bind(l, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return false, err
	}
	if err := unix.Listen(l, 1); err != nil {
		return false, err
	}
	at, err := unix.Getsockname(l)
	if err != nil {
		return false, err
	}
	c, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false, err
	}
	defer unix.Close(c)
	if err := unix.Connect(c, at); err != nil { // done when the listener's queue has it
		return false, fmt.Errorf("connection over the loopback: %w", err)
	}
	const suiteID = tls.TLS_AES_128_GCM_SHA256
	secret := make([]byte, 32)
	if err := Enable(c, tls.VersionTLS13, suiteID, secret, 0); err != nil {
		return false, err
	}
	return Rekey(c, tls.VersionTLS13, suiteID, secret) == nil, nil
}

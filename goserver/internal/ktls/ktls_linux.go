package ktls

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Of linux/tls.h.
const (
	optTransmit   = 1 // TLS_TX
	setRecordType = 1 // TLS_SET_RECORD_TYPE
)

// cryptoInfo returns the struct tls12_crypto_info_* of a suite (linux/tls.h). The
// IV of TLS 1.3 is there in two parts, which the header calls salt and iv.
func cryptoInfo(version, suiteID uint16, key, iv []byte, seq uint64) ([]byte, error) {
	var cipher uint16
	salt := 4
	switch suiteID {
	case tls.TLS_AES_128_GCM_SHA256:
		cipher = 51 // TLS_CIPHER_AES_GCM_128
	case tls.TLS_AES_256_GCM_SHA384:
		cipher = 52 // TLS_CIPHER_AES_GCM_256
	case tls.TLS_CHACHA20_POLY1305_SHA256:
		cipher = 54 // TLS_CIPHER_CHACHA20_POLY1305
		salt = 0
	default:
		return nil, ErrSuite
	}
	b := make([]byte, 0, 64)
	b = binary.NativeEndian.AppendUint16(b, version)
	b = binary.NativeEndian.AppendUint16(b, cipher)
	b = append(b, iv[salt:]...)
	b = append(b, key...)
	b = append(b, iv[:salt]...)
	return binary.BigEndian.AppendUint64(b, seq), nil
}

// Enable makes the kernel seal what is written to fd, a connected TCP socket, with
// the keys of a server's application traffic secret. seq is the number of records
// already sent with them. All of what was sent must have been written to fd. On
// an error what is written leaves as it is, as before.
//
// It fails with ErrVersion, ErrSuite, or an error that is ErrUnsupported.
func Enable(fd int, version, suiteID uint16, secret []byte, seq uint64) error {
	if version != tls.VersionTLS13 {
		return ErrVersion
	}
	if err := unix.SetsockoptString(fd, unix.SOL_TCP, unix.TCP_ULP, "tls"); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("%w: setsockopt TCP_ULP: %w", ErrUnsupported, err)
	}
	switch err := setKeys(fd, version, suiteID, secret, seq); {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.EINVAL), errors.Is(err, unix.EOPNOTSUPP):
		return fmt.Errorf("%w by the kernel: %s: %w", ErrSuite, tls.CipherSuiteName(suiteID), err)
	default:
		return err
	}
}

// Rekey gives the kernel the next traffic secret of a connection that was enabled.
// It fails with ErrRekey where the kernel has no such change (before Linux 6.14).
func Rekey(fd int, version, suiteID uint16, secret []byte) error {
	err := setKeys(fd, version, suiteID, secret, 0)
	if errors.Is(err, unix.EBUSY) {
		return ErrRekey
	}
	return err
}

func setKeys(fd int, version, suiteID uint16, secret []byte, seq uint64) error {
	s, err := suiteOf(suiteID)
	if err != nil {
		return err
	}
	key, iv, err := s.keys(secret)
	if err != nil {
		return err
	}
	defer clear(key)
	info, err := cryptoInfo(version, suiteID, key, iv, seq)
	if err != nil {
		return err
	}
	defer clear(info)
	_, _, errno := unix.Syscall6(unix.SYS_SETSOCKOPT, uintptr(fd), unix.SOL_TLS, optTransmit,
		uintptr(unsafe.Pointer(&info[0])), uintptr(len(info)), 0)
	if errno != 0 {
		return fmt.Errorf("ktls: setsockopt TLS_TX: %w", errno)
	}
	return nil
}

// SendRecord sends content as one record of a type other than application data. It
// does not wait: EAGAIN says that the socket takes nothing now. Nothing that was
// written may be incomplete: the kernel would mistake the type.
func SendRecord(fd int, typ byte, content []byte) error {
	oob := make([]byte, unix.CmsgSpace(1))
	h := (*unix.Cmsghdr)(unsafe.Pointer(&oob[0]))
	h.Level, h.Type = unix.SOL_TLS, setRecordType
	h.SetLen(unix.CmsgLen(1))
	oob[unix.CmsgLen(0)] = typ
	for {
		n, err := unix.SendmsgN(fd, content, oob, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return err
		case n != len(content):
			return unix.EMSGSIZE // never: a record is sent whole
		default:
			return nil
		}
	}
}

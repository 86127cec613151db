package ktls

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"errors"
	"hash"

	"golang.org/x/crypto/chacha20poly1305"
)

// Errors of what the peers agreed on.
var (
	// ErrVersion reports a version other than TLS 1.3.
	ErrVersion = errors.New("ktls: not TLS 1.3")
	// ErrSuite reports a cipher suite that this package does not know, or the
	// kernel does not have.
	ErrSuite = errors.New("ktls: cipher suite is not supported")
)

// ivLen and tagLen are the same in all suites of RFC 8446 §B.4 used here.
const (
	ivLen  = 12
	tagLen = 16
)

// maxSecret is the longest traffic secret: an output of SHA-384.
const maxSecret = sha512.Size384

// A suite is what a cipher suite of TLS 1.3 means for the key schedule.
type suite struct {
	hash    func() hash.Hash
	hashLen int
	keyLen  int
	aead    func(key []byte) (cipher.AEAD, error)
}

func suiteOf(id uint16) (suite, error) {
	switch id {
	case tls.TLS_AES_128_GCM_SHA256:
		return suite{sha256.New, sha256.Size, 16, newGCM}, nil
	case tls.TLS_AES_256_GCM_SHA384:
		return suite{sha512.New384, sha512.Size384, 32, newGCM}, nil
	case tls.TLS_CHACHA20_POLY1305_SHA256:
		return suite{sha256.New, sha256.Size, chacha20poly1305.KeySize, chacha20poly1305.New}, nil
	}
	return suite{}, ErrSuite
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// expand is HKDF-Expand-Label of RFC 8446 §7.1 with an empty context.
func (s suite) expand(secret []byte, label string, n int) ([]byte, error) {
	const prefix = "tls13 "
	info := make([]byte, 0, 32)
	info = append(info, byte(n>>8), byte(n), byte(len(prefix)+len(label)))
	info = append(info, prefix...)
	info = append(info, label...)
	info = append(info, 0)
	return hkdf.Expand(s.hash, secret, string(info), n)
}

// keys derives the key and the IV of records from a traffic secret (RFC 8446 §7.3).
func (s suite) keys(secret []byte) (key, iv []byte, err error) {
	if len(secret) != s.hashLen {
		return nil, nil, ErrNoSecret
	}
	if key, err = s.expand(secret, "key", s.keyLen); err != nil {
		return nil, nil, err
	}
	iv, err = s.expand(secret, "iv", ivLen)
	return key, iv, err
}

// next derives the traffic secret that follows a KeyUpdate (RFC 8446 §7.2).
func (s suite) next(secret []byte) ([]byte, error) {
	return s.expand(secret, "traffic upd", s.hashLen)
}

package certs

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"time"
)

const (
	slowRSABits = 3072 // from which on a handshake costs milliseconds
	costSamples = 3
)

// signCost returns the bits of an RSA key that is slow, and how long a signature
// takes with it: the least of some. Other keys have 0 bits.
func signCost(cert *tls.Certificate) (bits int, cost time.Duration) {
	key, ok := cert.PrivateKey.(*rsa.PrivateKey)
	if !ok || key.N.BitLen() < slowRSABits {
		return 0, 0
	}
	digest := sha256.Sum256([]byte("hyperion"))
	for i := range costSamples {
		start := time.Now()
		if _, err := key.Sign(rand.Reader, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}); err != nil {
			return 0, 0 // the handshake will tell
		}
		if d := time.Since(start); i == 0 || d < cost {
			cost = d
		}
	}
	return key.N.BitLen(), cost
}

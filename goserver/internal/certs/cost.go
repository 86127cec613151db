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

// slowBits returns the bits of an RSA key that is slow, 0 of any other key.
func slowBits(cert *tls.Certificate) int {
	key, ok := cert.PrivateKey.(*rsa.PrivateKey)
	if !ok || key.N.BitLen() < slowRSABits {
		return 0
	}
	return key.N.BitLen()
}

// signCost returns how long a signature takes with an RSA key, as in a
// handshake: the least of some. 0: it failed, as the handshake will.
func signCost(cert *tls.Certificate) (cost time.Duration) {
	key := cert.PrivateKey.(*rsa.PrivateKey)
	digest := sha256.Sum256([]byte("hyperion"))
	for i := range costSamples {
		start := time.Now()
		if _, err := key.Sign(rand.Reader, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}); err != nil {
			return 0
		}
		if d := time.Since(start); i == 0 || d < cost {
			cost = d
		}
	}
	return cost
}

package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"
)

const maxFile = 1 << 20 // bytes of a file

// A Pair is the files of a certificate: one with the server's own certificate and
// behind it those of the authorities between it and a root, one with its private
// key. Both may be one file.
type Pair struct {
	Cert, Key string
}

// content is what the files of a pair held.
type content struct {
	cert, key []byte
}

// sum tells contents apart.
func (c content) sum() (sum [sha256.Size]byte) {
	h := sha256.New()
	fmt.Fprintf(h, "%d\n", len(c.cert))
	h.Write(c.cert)
	h.Write(c.key)
	h.Sum(sum[:0])
	return sum
}

// Load loads a pair; the certificate must be valid at now. The chain is that of
// the file, whole.
func Load(p Pair, now time.Time) (*tls.Certificate, error) {
	c, err := p.read()
	if err != nil {
		return nil, err
	}
	return p.parse(c, now)
}

func (p Pair) read() (c content, err error) {
	if p.Cert == "" || p.Key == "" {
		return c, &PairError{p, fmt.Errorf("%w: certificate %q, key %q", ErrUnpaired, p.Cert, p.Key)}
	}
	if c.cert, err = readFile(p.Cert); err == nil {
		c.key, err = readFile(p.Key)
	}
	if err != nil {
		return content{}, &PairError{p, err}
	}
	return c, nil
}

// readFile reads a small file. Its errors have the file's name, and what was expected
// unless that is obvious. A pipe is never waited for.
func readFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		return nil, inFile(name, ErrNotRegular)
	}
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("%w: the server, which runs as user %d, must be able to read it", err, os.Geteuid())
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = inFile(name, ErrTooLarge)
	}
	return b, err
}

func (p Pair) parse(c content, now time.Time) (*tls.Certificate, error) {
	chain, err := parseChain(c.cert)
	if err != nil {
		return nil, &PairError{p, inFile(p.Cert, err)}
	}
	key, err := parseKey(c.key)
	if err != nil {
		return nil, &PairError{p, inFile(p.Key, err)}
	}
	if err := match(chain, key.Public()); err != nil {
		return nil, &PairError{p, fmt.Errorf("%s, %s: %w", p.Cert, p.Key, err)}
	}
	if err := validAt(chain[0], now); err != nil {
		return nil, &PairError{p, inFile(p.Cert, err)}
	}
	t := &tls.Certificate{PrivateKey: key, Leaf: chain[0]}
	for _, cert := range chain {
		t.Certificate = append(t.Certificate, cert.Raw)
	}
	return t, nil
}

// parseChain returns the certificates of a PEM file, in its order.
func parseChain(text []byte) (chain []*x509.Certificate, err error) {
	all, err := blocks(text)
	if err != nil {
		return nil, err
	}
	for _, block := range all {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%w: number %d: %v", ErrCertificate, len(chain)+1, err)
		}
		chain = append(chain, cert)
	}
	if chain == nil {
		return nil, ErrNoCertificate
	}
	return chain, nil
}

// blocks returns the PEM blocks of a text, all of which must be whole: a chain that
// is still being written would pass for a shorter one.
func blocks(text []byte) (all []*pem.Block, err error) {
	begun := bytes.Count(append([]byte("\n"), text...), []byte("\n-----BEGIN "))
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		all = append(all, block)
	}
	if len(all) != begun {
		return nil, fmt.Errorf("%w: %d of %d", ErrBroken, begun-len(all), begun)
	}
	return all, nil
}

// parseKey returns the first private key of a PEM file: PKCS #8, PKCS #1 or SEC 1.
func parseKey(text []byte) (crypto.Signer, error) {
	all, err := blocks(text)
	if err != nil {
		return nil, err
	}
	for _, block := range all {
		if block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
			return nil, ErrKeyEncrypted
		}
		var key any
		switch block.Type {
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		default: // such as EC PARAMETERS, or certificates in the same file
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %v", ErrKey, err)
		}
		switch key := key.(type) {
		case *ecdsa.PrivateKey:
			return key, nil
		case ed25519.PrivateKey:
			return key, nil
		case *rsa.PrivateKey:
			return key, nil
		}
		return nil, ErrKeyType
	}
	return nil, ErrNoKey
}

// match checks that the key is that of the first certificate.
func match(chain []*x509.Certificate, key crypto.PublicKey) error {
	for i, cert := range chain {
		public, ok := cert.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
		switch {
		case !ok || !public.Equal(key):
		case i > 0:
			return fmt.Errorf("%w: the key is that of number %d", ErrChainOrder, i+1)
		default:
			return nil
		}
	}
	return fmt.Errorf("%w: the certificate is for %s, the file has %s", ErrKeyMismatch, kind(chain[0].PublicKey), kind(key))
}

// kind tells what key it is, so that two of one kind are told apart: as the algorithm,
// and the start of the SHA-256 of its public part as openssl pkey -pubout writes it.
func kind(key crypto.PublicKey) string {
	der, _ := x509.MarshalPKIXPublicKey(key) // of a key that was parsed: cannot fail
	sum := sha256.Sum256(der)
	name := fmt.Sprintf("%T", key)
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		name = "ECDSA " + key.Params().Name
	case *rsa.PublicKey:
		name = fmt.Sprintf("RSA %d", key.N.BitLen())
	case ed25519.PublicKey:
		name = "Ed25519"
	}
	return fmt.Sprintf("key %x (%s)", sum[:4], name)
}

func validAt(cert *x509.Certificate, now time.Time) error {
	switch {
	case now.After(cert.NotAfter):
		return fmt.Errorf("%w on %s", ErrExpired, cert.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(cert.NotBefore):
		return fmt.Errorf("%w: from %s", ErrNotYetValid, cert.NotBefore.UTC().Format(time.RFC3339))
	}
	return nil
}

// LoadPool loads certificates of authorities from a PEM file.
func LoadPool(file string) (*x509.CertPool, error) {
	text, err := readFile(file)
	if err != nil {
		return nil, err
	}
	chain, err := parseChain(bytes.TrimSpace(text))
	if err != nil {
		return nil, inFile(file, err)
	}
	pool := x509.NewCertPool()
	for _, cert := range chain {
		pool.AddCert(cert)
	}
	return pool, nil
}

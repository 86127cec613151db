// Package certtest makes certificates for tests.
package certtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// An Authority issues certificates.
type Authority struct {
	Cert   *x509.Certificate
	key    crypto.Signer
	parent *Authority // nil: a root
}

var serials atomic.Int64

// NewAuthority makes a root.
func NewAuthority(t testing.TB) *Authority {
	t.Helper()
	return newAuthority(t, nil)
}

// Intermediate makes an authority below this one.
func (a *Authority) Intermediate(t testing.TB) *Authority {
	t.Helper()
	return newAuthority(t, a)
}

func newAuthority(t testing.TB, parent *Authority) *Authority {
	t.Helper()
	a := &Authority{key: newKey(t), parent: parent}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "authority of a test"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	issuer := parent
	if issuer == nil {
		issuer = &Authority{Cert: template, key: a.key}
	}
	a.Cert = issuer.sign(t, template, a.key)
	return a
}

func newKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a *Authority) sign(t testing.TB, template *x509.Certificate, key crypto.Signer) *x509.Certificate {
	t.Helper()
	template.SerialNumber = big.NewInt(serials.Add(1))
	template.Subject.SerialNumber = template.SerialNumber.String() // so that no two authorities have one name
	der, err := x509.CreateCertificate(rand.Reader, template, a.Cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// Pool trusts the authority.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.Cert)
	return pool
}

// PEM is the authority's certificate.
func (a *Authority) PEM() []byte { return certPEM(a.Cert.Raw) }

// A Leaf is a certificate with its key. Its chain has the intermediate authorities.
type Leaf struct {
	tls.Certificate
}

// A Want changes the template of a certificate.
type Want func(*x509.Certificate)

// Valid sets the time in which it is valid, from now.
func Valid(from, to time.Duration) Want {
	return func(c *x509.Certificate) { c.NotBefore, c.NotAfter = time.Now().Add(from), time.Now().Add(to) }
}

// ForClient makes it a client's certificate.
func ForClient(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }

// Issue makes a certificate of a server with an ECDSA key, for these names and for 127.0.0.1.
func (a *Authority) Issue(t testing.TB, names []string, wants ...Want) *Leaf {
	t.Helper()
	return a.IssueFor(t, newKey(t), names, wants...)
}

// IssueFor makes a certificate for a key.
func (a *Authority) IssueFor(t testing.TB, key crypto.Signer, names []string, wants ...Want) *Leaf {
	t.Helper()
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "test"}, DNSNames: names, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	for _, want := range wants {
		want(template)
	}
	cert := a.sign(t, template, key)
	l := &Leaf{tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}}
	for ; a.parent != nil; a = a.parent {
		l.Certificate.Certificate = append(l.Certificate.Certificate, a.Cert.Raw)
	}
	return l
}

// CertPEM is the chain.
func (l *Leaf) CertPEM() []byte { return certPEM(l.Certificate.Certificate...) }

// KeyPEM is the key in PKCS #8 form.
func (l *Leaf) KeyPEM(t testing.TB) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(l.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// Write writes chain and key to files of a directory.
func (l *Leaf) Write(t testing.TB, dir, certName, keyName string) (certFile, keyFile string) {
	t.Helper()
	return Write(t, dir, certName, l.CertPEM()), Write(t, dir, keyName, l.KeyPEM(t))
}

// Write writes a file, in one step, and returns its path. Directories are made.
func Write(t testing.TB, dir, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	temp := filepath.Join(filepath.Dir(path), ".writing-"+filepath.Base(path))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(temp, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(temp, path); err != nil {
		t.Fatal(err)
	}
	return path
}

func certPEM(ders ...[]byte) (text []byte) {
	for _, der := range ders {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return text
}

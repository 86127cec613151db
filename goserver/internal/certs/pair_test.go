package certs

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/certs/certtest"
)

// Each mistake has its error, which names the file that has it.
func TestLoad_errors(t *testing.T) {
	ca := certtest.NewAuthority(t)
	middle := ca.Intermediate(t)
	good, other := middle.Issue(t, []string{"a.example"}), ca.Issue(t, nil)
	expired := ca.Issue(t, nil, certtest.Valid(-2*time.Hour, -time.Hour))
	early := ca.Issue(t, nil, certtest.Valid(time.Hour, 2*time.Hour))
	encrypted := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte{1}})
	legacy := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "x"}, Bytes: []byte{1}})
	x25519, err := x509.MarshalPKCS8PrivateKey(exchangeKey(t))
	if err != nil {
		t.Fatal(err)
	}
	edKey := ca.IssueFor(t, signingKey(t), nil).KeyPEM(t)
	block := func(kind, content string) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: []byte(content)})
	}
	reversed := append(bytes.Clone(middle.PEM()), certtest.NewAuthority(t).PEM()...)
	reversed = append(reversed, good.CertPEM()...)
	const missing = "\x00missing"
	for _, c := range []struct {
		name      string
		cert, key []byte
		want      error
		file      string // that the message must name
	}{
		{"certificate missing", []byte(missing), good.KeyPEM(t), fs.ErrNotExist, "cert.pem"},
		{"key missing", good.CertPEM(), []byte(missing), fs.ErrNotExist, "key.pem"},
		{"no PEM", []byte("hello"), good.KeyPEM(t), ErrNoCertificate, "cert.pem"},
		{"empty", nil, good.KeyPEM(t), ErrNoCertificate, "cert.pem"},
		{"key in place of the certificate", good.KeyPEM(t), good.KeyPEM(t), ErrNoCertificate, "cert.pem"},
		{"not a certificate", block("CERTIFICATE", "garbage"), good.KeyPEM(t), ErrCertificate, "cert.pem"},
		{"second not a certificate", append(other.CertPEM(), block("CERTIFICATE", "garbage")...), other.KeyPEM(t), ErrCertificate, "number 2"},
		{"half of the chain's second certificate", good.CertPEM()[:len(good.CertPEM())-100], good.KeyPEM(t), ErrBroken, "cert.pem"},
		{"second begins only", append(other.CertPEM(), "-----BEGIN CERTIFICATE-----\n"...), other.KeyPEM(t), ErrBroken, "1 of 2"},
		{"half of the key", good.CertPEM(), good.KeyPEM(t)[:100], ErrBroken, "key.pem"},
		{"letters lost", bytes.Replace(good.CertPEM(), []byte("MII"), []byte("!!"), 1), good.KeyPEM(t), ErrBroken, "1 of 2"},
		{"certificate in place of the key", good.CertPEM(), good.CertPEM(), ErrNoKey, "key.pem"},
		{"not a key", good.CertPEM(), block("PRIVATE KEY", "garbage"), ErrKey, "key.pem"},
		{"not a key of EC", good.CertPEM(), block("EC PRIVATE KEY", "garbage"), ErrKey, "key.pem"},
		{"key encrypted", good.CertPEM(), encrypted, ErrKeyEncrypted, "key.pem"},
		{"key encrypted, old form", good.CertPEM(), legacy, ErrKeyEncrypted, "key.pem"},
		{"key for exchange only", good.CertPEM(), block("PRIVATE KEY", string(x25519)), ErrKeyType, "key.pem"},
		{"mismatch", good.CertPEM(), other.KeyPEM(t), ErrKeyMismatch, "cert.pem"},
		{"mismatch names the key", good.CertPEM(), other.KeyPEM(t), ErrKeyMismatch, "key.pem"},
		{"mismatch tells the keys apart", other.CertPEM(), edKey, ErrKeyMismatch, "(Ed25519)"},
		{"authority first", reversed, good.KeyPEM(t), ErrChainOrder, "number 3"},
		{"expired", expired.CertPEM(), expired.KeyPEM(t), ErrExpired, "cert.pem"},
		{"not yet valid", early.CertPEM(), early.KeyPEM(t), ErrNotYetValid, "cert.pem"},
		{"too large", bytes.Repeat([]byte("#"), maxFile+1), good.KeyPEM(t), ErrTooLarge, "cert.pem"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			p := Pair{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
			for name, content := range map[string][]byte{"cert.pem": c.cert, "key.pem": c.key} {
				if string(content) != missing {
					certtest.Write(t, dir, name, content)
				}
			}
			cert, err := Load(p, time.Now())
			var pair *PairError
			if cert != nil || !errors.Is(err, c.want) || !errors.As(err, &pair) || pair.Pair != p || !strings.Contains(err.Error(), c.file) {
				t.Errorf("%v, want %v and %q", err, c.want, c.file)
			}
		})
	}
	for _, p := range []Pair{{"cert.pem", ""}, {"", "key.pem"}} {
		if _, err := Load(p, time.Now()); !errors.Is(err, ErrUnpaired) {
			t.Errorf("%v: %v, want ErrUnpaired", p, err)
		}
	}
	pipes := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(pipes, "cert.pem"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for name, file := range map[string]string{"directory": pipes, "socket": filepath.Join(pipes, "cert.pem")} {
		if _, err := Load(Pair{file, file}, time.Now()); !errors.Is(err, ErrNotRegular) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v, want ErrNotRegular", name, err)
		}
	}
	if os.Getuid() != 0 { // root reads all
		dir := t.TempDir()
		cert, key := good.Write(t, dir, "cert.pem", "key.pem")
		if err := os.Chmod(key, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(Pair{cert, key}, time.Now()); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("unreadable key: %v", err)
		}
	}
}

// The chain is served whole, and each usual form of a key is read.
func TestLoad(t *testing.T) {
	ca := certtest.NewAuthority(t)
	middle := ca.Intermediate(t)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ec, withRSA, ed := middle.Issue(t, nil), middle.IssueFor(t, rsaKey, nil), middle.IssueFor(t, signingKey(t), nil)
	sec1, err := x509.MarshalECPrivateKey(ecdsaKey(ec.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	parameters := pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7}})
	for _, c := range []struct {
		name string
		leaf *certtest.Leaf
		key  []byte
	}{
		{"PKCS #8", ec, ec.KeyPEM(t)},
		{"SEC 1, as openssl ecparam writes it", ec, append(parameters, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1})...)},
		{"PKCS #1", withRSA, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey)})},
		{"RSA in PKCS #8", withRSA, withRSA.KeyPEM(t)},
		{"Ed25519", ed, ed.KeyPEM(t)},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			p := Pair{certtest.Write(t, dir, "c", c.leaf.CertPEM()), certtest.Write(t, dir, "k", c.key)}
			cert, err := Load(p, time.Now())
			if err != nil || len(cert.Certificate) != 2 || !bytes.Equal(cert.Certificate[1], middle.Cert.Raw) || !cert.Leaf.Equal(c.leaf.Leaf) {
				t.Fatalf("%v, %v, want the leaf and the intermediate", cert, err)
			}
			both := certtest.Write(t, dir, "both", append(c.leaf.CertPEM(), c.key...))
			if _, err := Load(Pair{both, both}, time.Now()); err != nil {
				t.Errorf("one file: %v", err)
			}
		})
	}
}

// A slow key is told of with what it costs, one for each size.
func TestStore_slowKeys(t *testing.T) {
	ca := certtest.NewAuthority(t)
	dir := t.TempDir()
	for names, bits := range map[string]int{"a": 2048, "bc": 3072} {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			ca.IssueFor(t, key, nil).Write(t, dir, string(name)+".crt", string(name)+".key")
		}
	}
	ca.Issue(t, nil).Write(t, dir, "d.crt", "d.key")
	_, log := open(t, Options{Dir: dir})
	text := log.String()
	if n := log.count("slow TLS key"); n != 1 || !strings.Contains(text, "b.key rsa_bits=3072 signature=") || strings.Contains(text, "signature=0s") {
		t.Errorf("want one warning of b.key: %s", text)
	}
}

func TestSelfSigned(t *testing.T) {
	cert, err := SelfSigned("Host.Example", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert.Leaf)
	for name, want := range map[string]bool{"localhost": true, "host.example": true, "127.0.0.1": true, "::1": true, "other.example": false, "127.0.0.2": false} {
		_, err := cert.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: pool})
		if (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if cert.Leaf.IsCA || ecdsaKey(cert.PrivateKey).Params().BitSize != 256 {
		t.Errorf("not a leaf with a P-256 key: %+v", cert.Leaf)
	}
	if f := Fingerprint(cert); len(f) != 32*3-1 || strings.Trim(f, "0123456789ABCDEF:") != "" {
		t.Errorf("fingerprint %q", f)
	}
	again, err := SelfSigned("localhost", time.Now())
	if err != nil || len(again.Leaf.DNSNames) != 1 || Fingerprint(again) == Fingerprint(cert) {
		t.Errorf("%v, %v", again.Leaf.DNSNames, err)
	}
}

func TestLoadPool(t *testing.T) {
	a, b := certtest.NewAuthority(t), certtest.NewAuthority(t)
	dir := t.TempDir()
	pool, err := LoadPool(certtest.Write(t, dir, "both", append(a.PEM(), b.PEM()...)))
	if err != nil {
		t.Fatal(err)
	}
	want := a.Pool()
	want.AddCert(b.Cert)
	if !pool.Equal(want) {
		t.Error("not both authorities")
	}
	if _, err := LoadPool(certtest.Write(t, dir, "none", []byte("x"))); !errors.Is(err, ErrNoCertificate) || !strings.Contains(err.Error(), "none") {
		t.Errorf("no certificate: %v", err)
	}
	if _, err := LoadPool(filepath.Join(dir, "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
}

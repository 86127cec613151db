package acme

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"
)

// An authority is a pebble. It listens at once, and answers when it is started: then
// the ports are known on which it looks for the challenges.
type authority struct {
	listener net.Listener
	cert     tls.Certificate // of its own server
	log      *buffer
	roots    *x509.CertPool // of what it issues, once it is started
}

// A buffer may be written by several goroutines.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return &authority{listener: l, cert: selfSigned(t), log: &buffer{}}
}

func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// flags are those that make hyperion ask this authority.
func (a *authority) flags(t *testing.T) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "authority.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Certificate[0]}), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"--acme-ca", file, "--acme-directory", "https://" + a.listener.Addr().String() + wfe.DirectoryPath}
}

// start begins to answer. Challenges are looked for on the two ports of 127.0.0.1,
// whatever the name.
func (a *authority) start(t *testing.T, httpPort, tlsPort int) {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	out := log.New(a.log, "", log.Lmicroseconds)
	store := db.NewMemoryStore()
	issuer := ca.New(out, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {ValidityPeriod: 90 * 24 * 3600}})
	checker := va.New(out, httpPort, tlsPort, true, nameserver(t), store)
	front := wfe.New(out, store, checker, issuer, []string{"pebble.example"}, true, false, 1, 1)
	a.roots = x509.NewCertPool()
	a.roots.AppendCertsFromPEM(issuer.GetRootCert(0).PEM())
	srv := &http.Server{Handler: front.Handler(), TLSConfig: &tls.Config{Certificates: []tls.Certificate{a.cert}}, ErrorLog: out}
	go srv.ServeTLS(a.listener, "", "")
	t.Cleanup(func() { srv.Close() })
}

// nameserver answers that every name is 127.0.0.1, and returns its address.
func nameserver(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &dns.Server{Listener: l, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, asked *dns.Msg) {
		m := new(dns.Msg).SetReply(asked)
		if q := asked.Question[0]; q.Qtype == dns.TypeA {
			m.Answer = append(m.Answer, &dns.A{Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1}, A: net.IPv4(127, 0, 0, 1)})
		}
		w.WriteMsg(m)
	})}
	go srv.ActivateAndServe()
	t.Cleanup(func() { srv.Shutdown() })
	return l.Addr().String()
}

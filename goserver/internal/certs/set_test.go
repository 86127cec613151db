package certs

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"net"
	"testing"

	"github.com/hyperion-server/hyperion/goserver/internal/certs/certtest"
)

// shown returns the certificate that a client gets that asks for a name.
func shown(t *testing.T, choose func(*tls.ClientHelloInfo) (*tls.Certificate, error), client *tls.Config) []byte {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	server := tls.Server(a, &tls.Config{GetCertificate: choose})
	go server.Handshake()
	client.InsecureSkipVerify = true
	c := tls.Client(b, client)
	if err := c.Handshake(); err != nil {
		t.Errorf("%q: %v", client.ServerName, err)
		return nil
	}
	return c.ConnectionState().PeerCertificates[0].Raw
}

func TestSet_SNI(t *testing.T) {
	ca := certtest.NewAuthority(t)
	first := ca.Issue(t, []string{"first.example", "Mixed.Example"})
	exact := ca.Issue(t, []string{"a.w.example"})
	wild := ca.Issue(t, []string{"*.w.example", "w.example"})
	later := ca.Issue(t, []string{"first.example", "*.first.example"})
	s := newSet([]*tls.Certificate{&first.Certificate, &wild.Certificate, &exact.Certificate, &later.Certificate})
	for name, want := range map[string]*certtest.Leaf{
		"":                  first, // what clients without SNI get
		"127.0.0.1":         first, // never sent as SNI
		"unknown.example":   first,
		"first.example":     first,
		"FIRST.example":     first,
		"mixed.example":     first,
		"a.w.example":       exact, // before the wildcard that was loaded earlier
		"A.W.EXAMPLE":       exact,
		"b.w.example":       wild,
		"w.example":         wild,
		"a.b.w.example":     first, // a wildcard is one label
		"x.first.example":   later,
		".w.example":        first,
		"example":           first,
		"*.w.example":       wild, // no host, but what it asks for
		"xw.example":        first,
		"first.example.com": first,
	} {
		cert, err := s.choose(&tls.ClientHelloInfo{ServerName: name, SupportedVersions: []uint16{tls.VersionTLS13}, SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256}})
		if err != nil || !cert.Leaf.Equal(want.Leaf) {
			t.Errorf("%q: %v, %v, want %v", name, cert.Leaf.DNSNames, err, want.Leaf.DNSNames)
		}
	}
	for _, name := range []string{"", "127.0.0.1", "a.w.example"} { // by a real handshake
		want := first
		if name == "a.w.example" {
			want = exact
		}
		if got := shown(t, s.choose, &tls.Config{ServerName: name}); string(got) != string(want.Leaf.Raw) {
			t.Errorf("%q: not the certificate wanted", name)
		}
	}
	if _, err := newSet(nil).choose(&tls.ClientHelloInfo{}); err == nil {
		t.Error("an empty set chose")
	}
}

// An RSA certificate beside an ECDSA one of the same name is for clients that know no other.
func TestSet_byKey(t *testing.T) {
	ca := certtest.NewAuthority(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"a.example"}
	ec, withRSA := ca.Issue(t, names), ca.IssueFor(t, key, names)
	s := newSet([]*tls.Certificate{&ec.Certificate, &withRSA.Certificate})
	onlyRSA := []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
	for _, name := range []string{"a.example", "unknown.example", ""} {
		if got := shown(t, s.choose, &tls.Config{ServerName: name}); string(got) != string(ec.Leaf.Raw) {
			t.Errorf("%q: not the first", name)
		}
		if got := shown(t, s.choose, &tls.Config{ServerName: name, MaxVersion: tls.VersionTLS12, CipherSuites: onlyRSA}); string(got) != string(withRSA.Leaf.Raw) {
			t.Errorf("%q, RSA only: not the RSA certificate", name)
		}
	}
}

func TestSet_allocs(t *testing.T) {
	ca := certtest.NewAuthority(t)
	s := newSet([]*tls.Certificate{&ca.Issue(t, []string{"a.example"}).Certificate, &ca.Issue(t, []string{"b.example"}).Certificate})
	hello := &tls.ClientHelloInfo{ServerName: "b.example"}
	if n := testing.AllocsPerRun(100, func() { s.choose(hello) }); n != 0 {
		t.Errorf("%v allocations to choose", n)
	}
}

package ktls

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"
)

var certificate = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"test"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
})

// observed shows a Handshake what passes, chunk bytes at a time if that is set.
type observed struct {
	net.Conn
	h     *Handshake
	chunk int
	after bytes.Buffer // what was written once the Handshake has ended
}

func (c *observed) Read(p []byte) (int, error) {
	if c.chunk > 0 {
		p = p[:min(len(p), c.chunk)]
	}
	n, err := c.Conn.Read(p)
	if c.h != nil {
		c.h.Received(p[:n])
	}
	return n, err
}

func (c *observed) Write(p []byte) (int, error) {
	if c.h == nil {
		return c.after.Write(p)
	}
	for rest := p; len(rest) > 0; {
		n := len(rest)
		if c.chunk > 0 {
			n = min(n, c.chunk)
		}
		c.h.Sent(rest[:n])
		rest = rest[n:]
	}
	return c.Conn.Write(p)
}

// connected returns both ends of a TCP connection, the accepted one first.
func connected(t *testing.T) (a, b *net.TCPConn) {
	t.Helper()
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b, err = net.DialTCP("tcp4", nil, l.Addr().(*net.TCPAddr))
	if err != nil {
		t.Fatal(err)
	}
	if a, err = l.AcceptTCP(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

// shake does a handshake and returns both ends.
func shake(t *testing.T, secrets *Secrets, server, client *tls.Config, chunk int) (s *tls.Conn, o *observed) {
	t.Helper()
	a, b := connected(t)
	o = &observed{Conn: a, h: secrets.Handshake(), chunk: chunk}
	s = tls.Server(o, server)
	c := tls.Client(b, client)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if c.Handshake() == nil {
			c.Read(make([]byte, 1)) // takes the NewSessionTickets, and ends at the end
		}
	}()
	t.Cleanup(func() { a.Close(); <-done })
	if err := s.Handshake(); err != nil {
		t.Fatal(err)
	}
	return s, o
}

func serverConfig(secrets io.Writer) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{certificate()}, KeyLogWriter: secrets}
}

func clientConfig() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, ServerName: "test", ClientSessionCache: tls.NewLRUClientSessionCache(1)}
}

// TestHandshake learns the state from handshakes of all kinds and opens the
// records that crypto/tls makes afterwards: they prove secret and sequence number.
func TestHandshake(t *testing.T) {
	for _, c := range []struct {
		name  string
		chunk int
		tune  func(server, client *tls.Config)
		seq   uint64 // records that are sent with the application's keys
	}{
		{"usual", 0, func(server, client *tls.Config) {}, 1},
		{"byte by byte", 1, func(server, client *tls.Config) {}, 1},
		{"no tickets", 0, func(server, client *tls.Config) { server.SessionTicketsDisabled = true }, 0},
		{"client wants no tickets", 0, func(server, client *tls.Config) { client.ClientSessionCache = nil }, 0},
		{"client certificate", 0, func(server, client *tls.Config) {
			server.ClientAuth = tls.RequireAnyClientCert
			client.Certificates = []tls.Certificate{certificate()}
		}, 1},
		{"HelloRetryRequest", 0, func(server, client *tls.Config) {
			server.CurvePreferences = []tls.CurveID{tls.CurveP384}
			client.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP384}
		}, 1},
		{"chain of many records", 0, func(server, client *tls.Config) {
			leaf := certificate()
			for range 100 {
				leaf.Certificate = append(leaf.Certificate, leaf.Certificate[0])
			}
			server.Certificates = []tls.Certificate{leaf}
		}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			secrets := NewSecrets()
			server, client := serverConfig(secrets), clientConfig()
			c.tune(server, client)
			s, o := shake(t, secrets, server, client, c.chunk)
			sealed := endHandshake(t, s, o)
			if sealed.seq != c.seq {
				t.Errorf("sequence number %d, want %d", sealed.seq, c.seq)
			}
			if n := len(secrets.waiting); n != 0 {
				t.Errorf("%d wait for a secret after the end", n)
			}
			wantOpened(t, s, o, sealed)
		})
	}
}

func endHandshake(t *testing.T, s *tls.Conn, o *observed) *Sealed {
	t.Helper()
	state := s.ConnectionState()
	sealed, err := o.h.Sealed(state.Version, state.CipherSuite)
	if err != nil {
		t.Fatal(err)
	}
	o.h.End()
	o.h = nil
	return sealed
}

// wantOpened has crypto/tls make records of data and of an alert, and opens them.
func wantOpened(t *testing.T, s *tls.Conn, o *observed, sealed *Sealed) {
	t.Helper()
	data := bytes.Repeat([]byte("hello"), 10000)
	if _, err := s.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := s.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	var got []byte
	for rest := o.after.Bytes(); len(rest) > 0; {
		var typ byte
		var content []byte
		var err error
		typ, content, rest, err = sealed.Open(rest)
		switch {
		case err != nil:
			t.Fatal(err)
		case typ == TypeApplicationData:
			got = append(got, content...)
		case typ != TypeAlert || !bytes.Equal(content, []byte{1, 0}) || len(rest) > 0:
			t.Errorf("record of type %d, %x; want a close_notify at the end", typ, content)
		}
	}
	if !bytes.Equal(got, data) {
		t.Errorf("opened %d bytes, not the %d written", len(got), len(data))
	}
}

func TestHandshake_resumed(t *testing.T) {
	secrets := NewSecrets()
	server, client := serverConfig(secrets), clientConfig()
	kept := make(chan struct{}, 1)
	client.ClientSessionCache = keepOne{tls.NewLRUClientSessionCache(1), kept}
	s, o := shake(t, secrets, server, client, 0)
	endHandshake(t, s, o)
	o.Conn.Close() // and the client's Read ends behind the ticket
	<-kept
	s, o = shake(t, secrets, server, client, 0)
	if !s.ConnectionState().DidResume {
		t.Fatal("not resumed")
	}
	wantOpened(t, s, o, endHandshake(t, s, o))
}

// keepOne tells when a ticket was kept.
type keepOne struct {
	tls.ClientSessionCache
	kept chan struct{}
}

func (c keepOne) Put(key string, s *tls.ClientSessionState) {
	c.ClientSessionCache.Put(key, s)
	select {
	case c.kept <- struct{}{}:
	default:
	}
}

func TestHandshake_refused(t *testing.T) {
	secrets := NewSecrets()
	t.Run("TLS 1.2", func(t *testing.T) {
		client := clientConfig()
		client.MaxVersion = tls.VersionTLS12
		s, o := shake(t, secrets, serverConfig(secrets), client, 0)
		state := s.ConnectionState()
		if _, err := o.h.Sealed(state.Version, state.CipherSuite); !errors.Is(err, ErrVersion) {
			t.Errorf("got %v, want %v", err, ErrVersion)
		}
	})
	t.Run("keys are logged elsewhere", func(t *testing.T) {
		s, o := shake(t, secrets, serverConfig(nil), clientConfig(), 0)
		state := s.ConnectionState()
		if _, err := o.h.Sealed(state.Version, state.CipherSuite); !errors.Is(err, ErrNoSecret) {
			t.Errorf("got %v, want %v", err, ErrNoSecret)
		}
	})
}

// hello is the head of a ClientHello.
func hello(random clientRandom) []byte {
	head := []byte{TypeHandshake, 3, 1, 2, 0, clientHello, 0, 1, 252, 3, 3}
	return append(head, random[:]...)
}

func TestSecrets(t *testing.T) {
	random := clientRandom{1, 2, 3}
	line := "SERVER_TRAFFIC_SECRET_0 " + hexOf(random[:]) + " " + rfc8448Secret + "\n"
	learned := func(h *Handshake) bool {
		_, err := h.Sealed(tls.VersionTLS13, tls.TLS_AES_128_GCM_SHA256)
		return err == nil
	}
	// finished is any record: a handshake has sent one.
	finished := []byte{TypeApplicationData, 3, 3, 0, 1, 0}
	start := func(s *Secrets, head []byte) *Handshake {
		h := s.Handshake()
		h.Received(head)
		h.Sent(finished)
		return h
	}
	t.Run("one", func(t *testing.T) {
		s := NewSecrets()
		h := start(s, hello(random))
		defer h.End()
		if learned(h) {
			t.Error("learned before the secret came")
		}
		s.Write([]byte(line))
		if !learned(h) {
			t.Error("not learned")
		}
	})
	t.Run("other lines", func(t *testing.T) {
		s := NewSecrets()
		h := start(s, hello(random))
		defer h.End()
		for _, l := range []string{"", "\n", "SERVER_TRAFFIC_SECRET_0 \n", "SERVER_TRAFFIC_SECRET_0 " + hexOf(random[:]),
			"SERVER_TRAFFIC_SECRET_0 " + hexOf(random[:]) + " zz\n", "CLIENT_TRAFFIC_SECRET_0" + line[23:],
			"SERVER_TRAFFIC_SECRET_0 " + hexOf(random[:]) + " " + rfc8448Secret + rfc8448Secret + "\n",
			"SERVER_TRAFFIC_SECRET_0 " + hexOf(make([]byte, 32)) + " " + rfc8448Secret + "\n"} {
			s.Write([]byte(l))
			if learned(h) {
				t.Errorf("learned from %q", l)
			}
			h.told = 0
		}
	})
	t.Run("same client random", func(t *testing.T) {
		s := NewSecrets()
		a, b := start(s, hello(random)), start(s, hello(random))
		a.End()
		s.Write([]byte(line)) // whose?
		c := start(s, hello(random))
		s.Write([]byte(line))
		if learned(b) || learned(c) {
			t.Error("learned a secret that may be another's")
		}
		b.End()
		c.End()
		if len(s.waiting) != 0 {
			t.Errorf("%d entries are left", len(s.waiting))
		}
	})
	t.Run("two secrets", func(t *testing.T) {
		s := NewSecrets()
		h := start(s, hello(random))
		defer h.End()
		s.Write([]byte(line))
		s.Write([]byte(line))
		if learned(h) {
			t.Error("learned a secret that may be another's")
		}
	})
	t.Run("no ClientHello", func(t *testing.T) {
		s := NewSecrets()
		h := start(s, []byte("GET / HTTP/1.1\r\nHost: example.org\r\nUser-Agent: none\r\n\r\n"))
		defer h.End()
		if len(s.waiting) != 0 {
			t.Error("waits for a secret")
		}
	})
}

func hexOf(b []byte) string {
	const digits = "0123456789abcdef"
	var out []byte
	for _, c := range b {
		out = append(out, digits[c>>4], digits[c&15])
	}
	return string(out)
}

func TestHandshake_forgets(t *testing.T) {
	s := NewSecrets()
	h := s.Handshake()
	h.Received(hello(clientRandom{}))
	s.Write([]byte("SERVER_TRAFFIC_SECRET_0 " + hexOf(make([]byte, 32)) + " " + rfc8448Secret + "\n"))
	h.End()
	if h.secret != ([maxSecret]byte{}) {
		t.Error("the secret is still there")
	}
}

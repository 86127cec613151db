package goserver_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// certificate is self-signed, for 127.0.0.1; pool trusts it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool
}

func TestServeTLS(t *testing.T) {
	cert, pool := certificate(t)
	eachServer(t, func(t *testing.T, newServer func(fields) subject) {
		var logged syncBuffer
		conf := &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}}
		s := newServer(fields{TLSConfig: conf, ErrorLog: log.New(&logged, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/hijack":
				conn, rw, err := w.(http.Hijacker).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				_, isTLS := conn.(*tls.Conn)
				fmt.Fprintf(rw, "hijacked %v", isTLS)
				rw.Flush()
			case "/large":
				io.WriteString(w, letters(3<<20))
			case "/wait":
				w.(http.Flusher).Flush()
				<-r.Context().Done()
			default:
				b, _ := io.ReadAll(r.Body)
				fmt.Fprintf(w, "%v %v %q %d", r.TLS != nil && r.TLS.HandshakeComplete, r.URL.Scheme == "", r.TLS.NegotiatedProtocol, len(b))
			}
		})})
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- s.ServeTLS(ln, "", "") }()
		t.Cleanup(func() { s.Close() })

		dial := func() (*tls.Conn, *bufio.Reader) {
			c, err := tls.Dial("tcp", ln.Addr().String(), &tls.Config{RootCAs: pool, NextProtos: []string{"http/1.1"}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			c.SetDeadline(time.Now().Add(patience))
			return c, bufio.NewReader(c)
		}
		c, br := dial()
		for range 3 {
			if got, want := text(t, request(t, c, br, post(letters(100_000)))), `true true "http/1.1" 100000`; got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
		if got := text(t, request(t, c, br, ask("GET /large HTTP/1.1"))); len(got) != 3<<20 {
			t.Errorf("%d bytes", len(got))
		}
		if got := text(t, request(t, c, br, post("abc")+get()+get())); got != `true true "http/1.1" 3` {
			t.Errorf("pipelined, first: %q", got)
		}
		for range 2 {
			if got := text(t, request(t, c, br, "")); got != `true true "http/1.1" 0` {
				t.Errorf("pipelined: %q", got)
			}
		}
		io.WriteString(c, ask("GET /hijack HTTP/1.1"))
		if b, _ := io.ReadAll(br); string(b) != "hijacked true" {
			t.Errorf("%q", b)
		}

		c, br = dial()
		io.WriteString(c, ask("GET /wait HTTP/1.1"))
		if _, err := http.ReadResponse(br, nil); err != nil {
			t.Error(err)
		}
		c.Close() // the handler ends by its context, or the Close of the server would hang below

		plain, plainReader := talk(t, ln.Addr())
		res := request(t, plain, plainReader, get())
		if got := text(t, res); res.StatusCode != 400 || got == "" {
			t.Errorf("plain HTTP: %v %q", res.Status, got)
		}
		gone(t, plainReader)
		poll(t, "log of the failed handshake", func() bool { return strings.Contains(logged.String(), "TLS handshake error") })

		s.Close()
		if err := receive(t, "end of ServeTLS", served); err != http.ErrServerClosed {
			t.Error(err)
		}
	})
}

func TestServeTLS_files(t *testing.T) {
	cert, pool := certificate(t)
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	der, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}), 0o600)
	os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
	eachServer(t, func(t *testing.T, newServer func(fields) subject) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if err := newServer(fields{}).ServeTLS(ln, certFile, filepath.Join(dir, "none")); !os.IsNotExist(err) {
			t.Errorf("missing key: %v", err)
		}
		if ln, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		s := newServer(fields{Handler: say("secret")})
		go s.ServeTLS(ln, certFile, keyFile)
		t.Cleanup(func() { s.Close() })
		tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
		defer tr.CloseIdleConnections()
		res, err := (&http.Client{Transport: tr}).Get("https://" + ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if got := text(t, res); got != "secret" || res.TLS == nil {
			t.Errorf("%q", got)
		}
	})
}

// poll waits for a condition that nothing announces.
func poll(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !cond(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not reached", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

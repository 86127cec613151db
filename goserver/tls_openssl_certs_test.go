package goserver_test

import (
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/goserver/internal/certs/certtest"
)

// A chain goes out whole, and the default and the names choose between certificates. Client
// certificates are refused with the alert that says why.
func TestTLS_opensslCertificates(t *testing.T) {
	root, clients, strangers := certtest.NewAuthority(t), certtest.NewAuthority(t), certtest.NewAuthority(t)
	dir := t.TempDir()
	root.Intermediate(t).Issue(t, []string{"a.example"}).Write(t, dir, "certs/a.crt", "certs/a.key")
	root.Issue(t, []string{"*.b.example"}).Write(t, dir, "certs/b.crt", "certs/b.key")
	roots := certtest.Write(t, dir, "roots", root.PEM())
	for name, leaf := range map[string]*certtest.Leaf{
		"good": clients.Issue(t, nil, certtest.ForClient), "strange": strangers.Issue(t, nil, certtest.ForClient),
		"expired": clients.Issue(t, nil, certtest.ForClient, certtest.Valid(-2*time.Hour, -time.Hour)), "server": clients.Issue(t, nil),
	} {
		leaf.Write(t, dir, name+".crt", name+".key")
	}
	addr := serveTLS(t, openTLS(t, goserver.TLSOptions{
		Dir: filepath.Join(dir, "certs"), ClientAuth: goserver.ClientAuthRequire, ClientCAsFile: certtest.Write(t, dir, "clients", clients.PEM()),
	}), &goserver.Server{Handler: http.NotFoundHandler(), ErrorLog: log.New(io.Discard, "", 0)})
	with := func(name string) string {
		return "-ign_eof -cert " + filepath.Join(dir, name+".crt") + " -key " + filepath.Join(dir, name+".key") + " "
	}
	for _, tc := range []struct{ name, args, want string }{
		{"chain", with("good") + "-servername a.example -verify_hostname a.example", "Verify return code: 0 (ok)"},
		{"default", with("good") + "-noservername -verify_hostname a.example", "Verify return code: 0 (ok)"},
		{"wildcard", with("good") + "-servername X.b.example -verify_hostname x.b.example", "Verify return code: 0 (ok)"},
		{"good client", with("good"), "404 Not Found"},
		{"good client, TLS 1.2", with("good") + "-tls1_2", "404 Not Found"},
		{"no certificate", "-ign_eof", "alert certificate required"},
		{"no certificate, TLS 1.2", "-ign_eof -tls1_2", "alert handshake failure"},
		{"of a stranger", with("strange"), "alert unknown ca"},
		{"expired", with("expired"), "alert certificate expired"},
		{"of a server", with("server"), "alert bad certificate"},
		{"CBC, SHA-1", with("good") + "-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA", "alert handshake failure"},
	} {
		out := openssl(t, addr, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", append([]string{"-CAfile", roots}, strings.Fields(tc.args)...)...)
		if !strings.Contains(out, tc.want) {
			t.Errorf("%s: no %q in:\n%s", tc.name, tc.want, out)
		}
	}
}

// With the protocol of ACME's challenge nothing follows the handshake (RFC 8737 §4).
func TestTLS_challengeOnly(t *testing.T) {
	cert, pool := certificate(t)
	var asked atomic.Int64
	srv := &goserver.Server{
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"acme-tls/1"}},
		Handler:   http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }),
	}
	conn, err := tls.Dial("tcp", serveAsSet(t, srv), &tls.Config{RootCAs: pool, NextProtos: []string{"acme-tls/1"}})
	must(t, err)
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	if b, err := io.ReadAll(conn); len(b) > 0 || asked.Load() > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read %q, %v, %d requests, want the end", b, err, asked.Load())
	}
}

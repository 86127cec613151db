package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// secure makes a connection with a request for /hello.
func secure(s *server, client *tls.Config) (*http.Response, tls.ConnectionState, error) {
	c, err := tls.Dial("tcp", strings.TrimPrefix(s.boot.URL, "https://"), client)
	if err != nil {
		return nil, tls.ConnectionState{}, err
	}
	defer c.Close()
	fmt.Fprint(c, "GET /hello HTTP/1.1\r\nHost: a.example\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(c), nil) // and in TLS 1.3 the ticket
	return resp, c.ConnectionState(), err
}

// shows fails unless the server shows a certificate to a client that asks for name.
func shows(t *testing.T, s *server, client *tls.Config, want []byte) {
	t.Helper()
	_, state, err := secure(s, client)
	if err != nil || !bytes.Equal(state.PeerCertificates[0].Raw, want) {
		t.Errorf("%q: %v, not the certificate wanted", client.ServerName, err)
	}
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: it did not happen", what)
		}
	}
}

// Each mistake is told before the server listens, with the file or the flag that has it.
func TestTLS_mistakes(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	ca.issue(t, "a.example", time.Time{})
	ca.issue(t, "b.example", time.Time{})
	ca.issue(t, "old.example", time.Now().Add(-time.Hour))
	a, b := ca.file("a.example"), ca.file("b.example")
	open := ca.file("open")
	if err := os.WriteFile(open, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
	self := "--tls-self-signed"
	for _, c := range []struct {
		name string
		env  []string
		args []string
		code int
		want []string
	}{
		{"certificate alone", nil, []string{"--tls-cert", a + ".crt"}, exitConfig, []string{"--tls-cert and --tls-key must be supplied together"}},
		{"key alone", nil, []string{"--tls-key", a + ".key"}, exitConfig, []string{"must be supplied together"}},
		{"two certificates, one key", nil, []string{"--tls-cert", a + ".crt", "--tls-cert", b + ".crt", "--tls-key", a + ".key"}, exitConfig, []string{"must be supplied together"}},
		{"key alone, by variable", []string{"HYPERION_TLS_KEY=" + a + ".key"}, nil, exitConfig, []string{"must be supplied together"}},
		{"missing certificate", nil, []string{"--tls-cert", "none.crt", "--tls-key", a + ".key"}, exitConfig, []string{"none.crt", "no such file"}},
		{"missing key", nil, []string{"--tls-cert", a + ".crt", "--tls-key", "none.key"}, exitConfig, []string{"none.key", "no such file"}},
		{"mismatch", nil, []string{"--tls-cert", a + ".crt", "--tls-key", b + ".key"}, exitConfig, []string{a + ".crt", b + ".key", "is not that of the certificate"}},
		{"no certificate", nil, []string{"--tls-cert", a + ".key", "--tls-key", a + ".key"}, exitConfig, []string{a + ".key", "has no certificate"}},
		{"no key", nil, []string{"--tls-cert", a + ".crt", "--tls-key", a + ".crt"}, exitConfig, []string{a + ".crt", "has no private key"}},
		{"expired", nil, ca.flags("old.example"), exitConfig, []string{"old.example.crt", "has expired on"}},
		{"empty directory", nil, []string{"--tls-dir", t.TempDir()}, exitConfig, []string{"no certificate with its key"}},
		{"version", nil, []string{self, "--tls-min-version=1.1"}, exitUsage, []string{"--tls-min-version", "expected 1.2 or 1.3"}},
		{"client certificates of nobody", nil, []string{self, "--tls-client-auth=require"}, exitConfig, []string{"--tls-client-auth and --tls-client-ca"}},
		{"authorities for nothing", nil, []string{self, "--tls-client-ca", ca.file("ca.pem")}, exitConfig, []string{"--tls-client-auth and --tls-client-ca"}},
		{"no certificates of authorities", nil, []string{self, "--tls-client-auth=require", "--tls-client-ca", a + ".key"}, exitConfig, []string{a + ".key", "has no certificate"}},
		{"ticket keys for all to read", nil, []string{self, "--tls-ticket-keys", open}, exitConfig, []string{open, "chmod 600"}},
		{"redirect without TLS", nil, []string{"--http-redirect=0"}, exitConfig, []string{"--http-redirect needs TLS"}},
		{"redirect's port is taken", nil, []string{self, "--http-redirect", taken}, exitBusy, []string{"in use", "--http-redirect chooses another"}},
		{"HSTS without TLS", nil, []string{"--hsts=1h"}, exitConfig, []string{"--hsts needs TLS"}},
		{"HSTS of subdomains alone", nil, []string{self, "--hsts-include-subdomains"}, exitConfig, []string{"needs --hsts"}},
		{"preload for an hour", nil, []string{self, "--hsts=1h", "--hsts-include-subdomains", "--hsts-preload"}, exitConfig, []string{"8760h"}},
		{"handshakes", nil, []string{self, "--tls-handshake-rate-limit=0"}, exitUsage, []string{"--tls-handshake-rate-limit", "expected a whole number from 1 up"}},
		{"rotation", nil, []string{self, "--tls-ticket-rotation=0s"}, exitUsage, []string{"--tls-ticket-rotation", "none"}},
		{"two authorities", nil, []string{"--acme-name=a.example", "--acme-staging", "--acme-directory=https://127.0.0.1:1"}, exitConfig, []string{"--acme-staging and --acme-directory"}},
		{"authority for no name", nil, []string{"--acme-staging"}, exitConfig, []string{"--acme-staging needs --acme-name"}},
		{"cache for no name", nil, []string{"--acme-cache=x"}, exitConfig, []string{"--acme-cache needs --acme-name"}},
		{"version without TLS", nil, []string{"--tls-min-version=1.3"}, exitConfig, []string{"--tls-min-version needs TLS"}},
		{"rotation without TLS", nil, []string{"--tls-ticket-rotation=1h"}, exitConfig, []string{"--tls-ticket-rotation needs TLS"}},
		{"rate without TLS", nil, []string{"--tls-handshake-rate-limit=9"}, exitConfig, []string{"--tls-handshake-rate-limit needs TLS"}},
		{"key log in a directory", nil, []string{self, "--tls-key-log", t.TempDir()}, exitConfig, []string{"TLS key log", "is a directory"}},
		{"directory missing", nil, []string{"--tls-dir", "none"}, exitConfig, []string{"directory of TLS certificates", "none", "no such file"}},
		{"authority by name", nil, []string{"--acme-name=a.example", "--acme-cache", t.TempDir(), "--acme-directory=staging"}, exitConfig, []string{"staging", "expected one such as https://"}},
		{"bad name", nil, []string{"--acme-name=*.a.example", "--acme-cache", t.TempDir()}, exitConfig, []string{"*.a.example", "not the full name of a host"}},
		{"nowhere to keep it", nil, []string{"--acme-name=a.example"}, exitConfig, []string{"--acme-cache"}},
		{"authority's certificate", nil, []string{"--acme-name=a.example", "--acme-cache", t.TempDir(), "--acme-ca", a + ".key"}, exitConfig, []string{"--acme-ca", a + ".key"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := run(t, c.env, append(c.args, "--port=0")...)
			if got.code != c.code || got.stdout != "" {
				t.Errorf("exit code %d, stdout %q, want %d and nothing", got.code, got.stdout, c.code)
			}
			for _, want := range c.want {
				if !strings.Contains(unquoted(got.stderr), want) {
					t.Errorf("stderr lacks %s: %s", want, got.stderr)
				}
			}
		})
	}
}

// Two certificates by flags; a directory that changes; a variable; the least version.
func TestTLS_certificates(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	a, b := ca.issue(t, "a.example", time.Time{}), ca.issue(t, "b.example", time.Time{})
	s := serve(t, []string{"HYPERION_TLS_MIN_VERSION=1.3"}, append(ca.flags("b.example"), ca.flags("a.example")...)...)
	if !strings.HasPrefix(s.boot.URL, "https://127.0.0.1:") || s.boot.SHA256 != "" || s.boot.Redirect != "" {
		t.Errorf("boot line %+v", s.boot)
	}
	shows(t, s, ca.client("a.example"), a.Raw)
	shows(t, s, ca.client("B.example"), b.Raw)
	shows(t, s, ca.client("127.0.0.1"), b.Raw) // asks for no name: the first
	old := ca.client("a.example")
	old.MaxVersion = tls.VersionTLS12
	if _, _, err := secure(s, old); err == nil {
		t.Error("TLS 1.2 was accepted with HYPERION_TLS_MIN_VERSION=1.3")
	}
	s.stop(t)

	s = serve(t, nil, "--tls-dir", ca.dir) // which has ca.pem, too
	shows(t, s, old, a.Raw)
	renewed := ca.issue(t, "a.example", time.Time{})
	eventually(t, "the renewed certificate", func() bool {
		_, state, err := secure(s, ca.client("a.example"))
		return err == nil && bytes.Equal(state.PeerCertificates[0].Raw, renewed.Raw)
	})
	if err := os.WriteFile(ca.file("b.example.crt"), []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.errOut.wait(t, "b.example.crt")
	shows(t, s, ca.client("b.example"), b.Raw)
	s.stop(t)
}

func TestTLS_selfSigned(t *testing.T) {
	t.Parallel()
	s := serve(t, nil, "--tls-self-signed")
	_, state, err := secure(s, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(state.PeerCertificates[0].Raw)
	if got := strings.ReplaceAll(s.boot.SHA256, ":", ""); got != fmt.Sprintf("%X", sum) {
		t.Errorf("fingerprint %s, want %X", s.boot.SHA256, sum)
	}
	s.stop(t)
}

// Redirects lead to the same path, with the field of HSTS only at their end.
func TestTLS_redirectAndHSTS(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	ca.issue(t, "a.example", time.Time{})
	s := serve(t, nil, append(ca.flags("a.example"), "--http-redirect=0", "--hsts=8760h", "--hsts-include-subdomains", "--hsts-preload")...)
	client := &http.Client{
		Transport:     &http.Transport{TLSClientConfig: ca.client(""), DisableKeepAlives: true},
		CheckRedirect: func(r *http.Request, _ []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Get(s.boot.Redirect + "/hello?x=%2f")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if want := s.boot.URL + "/hello?x=%2f"; resp.StatusCode != 308 || resp.Header.Get("Location") != want || resp.Header.Get("Strict-Transport-Security") != "" {
		t.Errorf("%d, %v, want 308 to %s", resp.StatusCode, resp.Header, want)
	}
	if resp, err = client.Get(resp.Header.Get("Location")); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got := resp.Header.Get("Strict-Transport-Security"); resp.StatusCode != 200 || got != "max-age=31536000; includeSubDomains; preload" {
		t.Errorf("%d, HSTS %q", resp.StatusCode, got)
	}
	s.stop(t)
	if !strings.Contains(s.out.String(), `"status":308`) {
		t.Errorf("the redirect is not in the access log: %s", &s.out)
	}
}

func TestTLS_clientCertificates(t *testing.T) {
	t.Parallel()
	ca, strangers := newAuthority(t), newAuthority(t)
	ca.issue(t, "a.example", time.Time{})
	ca.issue(t, "old.example", time.Now().Add(-time.Hour))
	strangers.issue(t, "c.example", time.Time{})
	for _, c := range []struct {
		mode, cert string
		ok         bool
	}{
		{"request", "", true}, {"require", "", false},
		{"request", ca.file("a.example"), true}, {"require", ca.file("a.example"), true},
		{"request", ca.file("old.example"), false}, {"require", ca.file("old.example"), false},
		{"request", strangers.file("c.example"), false}, {"require", strangers.file("c.example"), false},
		{"off", strangers.file("c.example"), true},
	} {
		args := append(ca.flags("a.example"), "--tls-client-auth="+c.mode)
		if c.mode != "off" {
			args = append(args, "--tls-client-ca", ca.file("ca.pem"))
		}
		s := serve(t, nil, args...)
		client := ca.client("a.example")
		if c.cert != "" {
			pair, err := tls.LoadX509KeyPair(c.cert+".crt", c.cert+".key")
			if err != nil {
				t.Fatal(err)
			}
			client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
		}
		if _, _, err := secure(s, client); (err == nil) != c.ok {
			t.Errorf("%s, certificate %q: %v, want accepted %v", c.mode, c.cert, err, c.ok)
		}
		s.stop(t)
	}
}

// Two processes that share a file of keys resume each other's sessions, also after SIGUSR2
// to one of them.
func TestTLS_tickets(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	ca.issue(t, "a.example", time.Time{})
	file := filepath.Join(t.TempDir(), "keys")
	start := func(more ...string) *server { return serve(t, nil, append(ca.flags("a.example"), more...)...) }
	one, two, alone := start("--tls-ticket-keys", file), start("--tls-ticket-keys", file), start("--tls-ticket-rotation=none")
	resumed := func(first, second *server) bool {
		client := ca.client("a.example")
		client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		if _, _, err := secure(first, client); err != nil {
			t.Fatal(err)
		}
		_, state, err := secure(second, client)
		if err != nil {
			t.Fatal(err)
		}
		return state.DidResume
	}
	for name, c := range map[string]struct {
		first, second *server
		want          bool
	}{"shared": {one, two, true}, "shared, back": {two, one, true}, "own": {alone, alone, true}, "not shared": {one, alone, false}} {
		if got := resumed(c.first, c.second); got != c.want {
			t.Errorf("%s: resumed %v, want %v", name, got, c.want)
		}
	}

	client := ca.client("a.example")
	cache := tls.NewLRUClientSessionCache(1)
	client.ClientSessionCache = cache
	if _, _, err := secure(alone, client); err != nil {
		t.Fatal(err)
	}
	ticket, _ := cache.Get("a.example")
	for n := range 5 { // the key of the ticket leaves with the fourth rotation
		cache.Put("a.example", ticket)
		if _, state, err := secure(alone, client); err != nil || state.DidResume != (n < 4) {
			t.Errorf("after %d rotations: %v, resumed %v", n, err, state.DidResume)
		}
		alone.signal(t, syscall.SIGUSR2)
		eventually(t, "the rotation", func() bool { return strings.Count(alone.errOut.String(), "session ticket keys rotated") == n+1 })
	}

	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "a new key in the file", func() bool { // one that is less than 5 s old stands
		one.signal(t, syscall.SIGUSR2)
		time.Sleep(200 * time.Millisecond)
		now, err := os.ReadFile(file)
		return err == nil && !bytes.Equal(now, before)
	})
	eventually(t, "the other process to take it", func() bool { return resumed(one, two) })
	for _, s := range []*server{one, two, alone} {
		s.stop(t)
	}

	plain := serve(t, nil) // where the signal must not end the process
	plain.signal(t, syscall.SIGUSR2)
	plain.errOut.wait(t, "no session tickets to rotate")
	plain.stop(t)
}

func TestTLS_rotationByTime(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	ca.issue(t, "a.example", time.Time{})
	file := filepath.Join(t.TempDir(), "keys")
	s := serve(t, nil, append(ca.flags("a.example"), "--tls-ticket-keys", file, "--tls-ticket-rotation=1s")...)
	eventually(t, "four keys", func() bool {
		text, err := os.ReadFile(file)
		return err == nil && bytes.Count(text, []byte("\n2")) == 4 // 2026-…
	})
	s.stop(t)
}

func TestTLS_keyLogAndRate(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	ca.issue(t, "a.example", time.Time{})
	log := filepath.Join(t.TempDir(), "secrets")
	s := serve(t, nil, append(ca.flags("a.example"), "--tls-key-log", log, "--tls-handshake-rate-limit=1")...)
	eventually(t, "a refused handshake", func() bool {
		_, _, err := secure(s, ca.client("a.example"))
		return err != nil
	})
	s.stop(t)
	if text, err := os.ReadFile(log); err != nil || !bytes.Contains(text, []byte("CLIENT_TRAFFIC_SECRET_0 ")) {
		t.Errorf("key log: %v, %q", err, text)
	}
	if !strings.Contains(s.errOut.String(), "TLS secrets are written to a file") {
		t.Errorf("no warning of the key log: %s", &s.errOut)
	}
}

// What another implementation of TLS sees.
func TestTLS_openssl(t *testing.T) {
	t.Parallel()
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	ca := newAuthority(t)
	ca.issue(t, "a.example", time.Time{})
	ca.issue(t, "b.example", time.Time{})
	s := serve(t, nil, append(append(ca.flags("a.example"), ca.flags("b.example")...), "--tls-client-auth=request", "--tls-client-ca", ca.file("ca.pem"))...)
	at := strings.TrimPrefix(s.boot.URL, "https://")
	session := filepath.Join(t.TempDir(), "session")
	for _, c := range []struct {
		args string
		want string // in the output
	}{
		{"-servername a.example -tls1_3", "New, TLSv1.3"},
		{"-servername a.example -verify_return_error -verify_hostname a.example", "Verify return code: 0 (ok)"},
		{"-servername B.EXAMPLE -verify_return_error -verify_hostname b.example", "Verify return code: 0 (ok)"},
		{"-noservername -verify_return_error -verify_hostname a.example", "Verify return code: 0 (ok)"},
		{"-tls1_2 -servername a.example", "Protocol  : TLSv1.2"},
		{"-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256", "Cipher is ECDHE-ECDSA-AES128-GCM-SHA256"},
		{"-tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256", "Cipher is TLS_CHACHA20_POLY1305_SHA256"},
		{"-tls1_2 -cipher AES128-SHA", "Cipher is (NONE)"},
		{"-tls1_1 -cipher DEFAULT@SECLEVEL=0", "Cipher is (NONE)"},
		{"-alpn http/1.1", "ALPN protocol: http/1.1"},
		{"-tls1_2 -sess_out " + session, "New, TLSv1.2"},
		{"-tls1_2 -sess_in " + session, "Reused, TLSv1.2"},
		{"-cert " + ca.file("a.example.crt") + " -key " + ca.file("a.example.key"), "Acceptable client certificate CA names"},
	} {
		cmd := exec.CommandContext(t.Context(), openssl, append([]string{"s_client", "-connect", at, "-CAfile", ca.file("ca.pem")}, strings.Fields(c.args)...)...)
		out, _ := cmd.CombinedOutput() // its exit code says little
		if !bytes.Contains(out, []byte(c.want)) {
			t.Errorf("%s: no %q in %s", c.args, c.want, out)
		}
	}
	s.stop(t)
}

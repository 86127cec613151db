package goserver_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/goserver/internal/certs/certtest"
)

// openTLS opens options, until the end of the test.
func openTLS(t *testing.T, o goserver.TLSOptions) *goserver.TLS {
	t.Helper()
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	x, err := goserver.OpenTLS(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	return x
}

// serveTLS serves over TLS, until the end of the test, and returns the address.
func serveTLS(t *testing.T, x *goserver.TLS, srv *goserver.Server) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv.TLSConfig = x.Config()
	served := make(chan error, 1)
	go func() { served <- srv.ServeTLS(l, "", "") }()
	t.Cleanup(func() {
		srv.Close()
		<-served
	})
	return l.Addr().String()
}

// askTLS makes a connection and one request on it.
func askTLS(addr string, client *tls.Config, path string) (*http.Response, tls.ConnectionState, error) {
	c, err := tls.Dial("tcp", addr, client)
	if err != nil {
		return nil, tls.ConnectionState{}, err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: a.example\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err == nil {
		_, err = io.Copy(io.Discard, resp.Body)
	}
	return resp, c.ConnectionState(), err
}

func TestOpenTLS_errors(t *testing.T) {
	ca := certtest.NewAuthority(t)
	dir := t.TempDir()
	cert, key := ca.Issue(t, nil).Write(t, dir, "c.crt", "c.key")
	_, other := ca.Issue(t, nil).Write(t, t.TempDir(), "o.crt", "o.key")
	files := func(cert, key string) []goserver.TLSFiles { return []goserver.TLSFiles{{Cert: cert, Key: key}} }
	none := filepath.Join(dir, "none")
	open := certtest.Write(t, dir, "open", nil)
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		o    goserver.TLSOptions
		is   error  // or nil
		says string // in the message
	}{
		{"nothing", goserver.TLSOptions{}, goserver.ErrTLSNoCertificate, ""},
		{"version", goserver.TLSOptions{SelfSigned: true, MinVersion: tls.VersionTLS11}, goserver.ErrTLSVersion, ""},
		{"client certificates of nobody", goserver.TLSOptions{SelfSigned: true, ClientAuth: goserver.ClientAuthRequest}, goserver.ErrTLSClientCAs, ""},
		{"authorities missing", goserver.TLSOptions{SelfSigned: true, ClientAuth: goserver.ClientAuthRequire, ClientCAsFile: none}, fs.ErrNotExist, none},
		{"authorities without certificate", goserver.TLSOptions{SelfSigned: true, ClientAuth: goserver.ClientAuthRequire, ClientCAsFile: key}, nil, key},
		{"missing key", goserver.TLSOptions{Certificates: files(cert, none)}, fs.ErrNotExist, none},
		{"one only", goserver.TLSOptions{Certificates: files(cert, "")}, nil, cert},
		{"mismatch", goserver.TLSOptions{Certificates: files(cert, other)}, nil, other},
		{"directory missing", goserver.TLSOptions{Dir: none}, fs.ErrNotExist, none},
		{"key log cannot be made", goserver.TLSOptions{SelfSigned: true, KeyLogFile: filepath.Join(none, "x")}, fs.ErrNotExist, none},
		{"ticket keys open to all", goserver.TLSOptions{SelfSigned: true, TicketKeysFile: open}, nil, open},
		{"ACME without names", goserver.TLSOptions{ACME: &goserver.ACMEOptions{CacheDir: dir}}, nil, "at least one name"},
		{"ACME without cache", goserver.TLSOptions{ACME: &goserver.ACMEOptions{Names: []string{"a.example"}}}, nil, "directory"},
		{"ACME for an address", goserver.TLSOptions{ACME: &goserver.ACMEOptions{Names: []string{"192.0.2.1"}, CacheDir: dir}}, nil, "192.0.2.1"},
		{"ACME for a wildcard", goserver.TLSOptions{ACME: &goserver.ACMEOptions{Names: []string{"*.a.example"}, CacheDir: dir}}, nil, "*.a.example"},
	} {
		x, err := goserver.OpenTLS(c.o)
		if x != nil || err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %v and %q", c.name, err, c.is, c.says)
		}
	}
}

// Client certificates good, bad, expired and missing; TLS 1.3 tells of the refusal at the first read.
func TestTLS_clientAuth(t *testing.T) {
	ca, clients, strangers := certtest.NewAuthority(t), certtest.NewAuthority(t), certtest.NewAuthority(t)
	dir := t.TempDir()
	cert, key := ca.Issue(t, []string{"a.example"}).Write(t, dir, "c", "k")
	o := goserver.TLSOptions{Certificates: []goserver.TLSFiles{{Cert: cert, Key: key}}, ClientCAsFile: certtest.Write(t, dir, "clients", clients.PEM())}
	who := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Verified", http.StatusText(200+len(r.TLS.VerifiedChains)))
	}
	shown := map[string]*certtest.Leaf{
		"none": nil, "good": clients.Issue(t, nil, certtest.ForClient), "of a stranger": strangers.Issue(t, nil, certtest.ForClient),
		"expired": clients.Issue(t, nil, certtest.ForClient, certtest.Valid(-2*time.Hour, -time.Hour)), "of a server": clients.Issue(t, nil),
		"below an intermediate": clients.Intermediate(t).Issue(t, nil, certtest.ForClient),
	}
	for auth, accepted := range map[goserver.ClientAuth]string{
		goserver.ClientAuthOff:     "none, good, of a stranger, expired, of a server, below an intermediate",
		goserver.ClientAuthRequest: "none, good, below an intermediate",
		goserver.ClientAuthRequire: "good, below an intermediate",
	} {
		o.ClientAuth = auth
		addr := serveTLS(t, openTLS(t, o), &goserver.Server{Handler: http.HandlerFunc(who), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)})
		for name, leaf := range shown {
			for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
				client := &tls.Config{RootCAs: ca.Pool(), ServerName: "a.example", MaxVersion: version}
				if leaf != nil {
					client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &leaf.Certificate, nil }
				}
				resp, _, err := askTLS(addr, client, "/")
				if want := strings.Contains(accepted, name); (err == nil) != want {
					t.Errorf("mode %d, certificate %s, version %x: %v, want accepted %v", auth, name, version, err, want)
				} else if want && resp.Header.Get("Verified") != http.StatusText(200+boolCount(auth != goserver.ClientAuthOff && leaf != nil)) {
					t.Errorf("mode %d, certificate %s: verified %q", auth, name, resp.Header.Get("Verified"))
				}
			}
		}
	}
}

func boolCount(b bool) int {
	if b {
		return 1
	}
	return 0
}

// A session resumed is one whose client was verified: with other authorities it is not.
func TestTLS_resumedClient(t *testing.T) {
	ca, first, second := certtest.NewAuthority(t), certtest.NewAuthority(t), certtest.NewAuthority(t)
	dir := t.TempDir()
	cert, key := ca.Issue(t, []string{"a.example"}).Write(t, dir, "c", "k")
	leaf := first.Issue(t, nil, certtest.ForClient)
	client := &tls.Config{RootCAs: ca.Pool(), ServerName: "a.example", ClientSessionCache: tls.NewLRUClientSessionCache(1),
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &leaf.Certificate, nil }}
	open := func(authority *certtest.Authority) string {
		return serveTLS(t, openTLS(t, goserver.TLSOptions{
			Certificates: []goserver.TLSFiles{{Cert: cert, Key: key}}, TicketKeysFile: filepath.Join(dir, "tickets"),
			ClientAuth: goserver.ClientAuthRequire, ClientCAsFile: certtest.Write(t, dir, authority.Cert.Subject.SerialNumber, authority.PEM()),
		}), &goserver.Server{Handler: http.NotFoundHandler(), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)})
	}
	start, again, other := open(first), open(first), open(second)
	if _, state, err := askTLS(start, client, "/"); err != nil || state.DidResume {
		t.Fatalf("%v, resumed %v", err, state.DidResume)
	}
	if _, state, err := askTLS(again, client, "/"); err != nil || !state.DidResume {
		t.Errorf("shared keys: %v, resumed %v", err, state.DidResume)
	}
	if _, state, err := askTLS(other, client, "/"); err == nil || state.DidResume {
		t.Errorf("another authority: %v, resumed %v", err, state.DidResume)
	}
}

// Reloading under load fails no handshake, and no connection.
func TestTLS_reloadUnderLoad(t *testing.T) {
	ca := certtest.NewAuthority(t)
	dir := t.TempDir()
	names := []string{"a.example"}
	ca.Issue(t, names).Write(t, dir, "a.crt", "a.key")
	x := openTLS(t, goserver.TLSOptions{Dir: dir})
	addr := serveTLS(t, x, &goserver.Server{Handler: http.NotFoundHandler()})
	var stop atomic.Bool
	var clients sync.WaitGroup
	var seen sync.Map
	for range 4 {
		clients.Go(func() {
			for !stop.Load() {
				_, state, err := askTLS(addr, &tls.Config{RootCAs: ca.Pool(), ServerName: "a.example"}, "/")
				if err != nil {
					t.Error(err)
					return
				}
				seen.Store(state.PeerCertificates[0].SerialNumber.String(), true)
			}
		})
	}
	for range 10 {
		leaf := ca.Issue(t, names)
		certtest.Write(t, dir, "a.crt", leaf.CertPEM()) // does not fit its key for a moment
		x.Reload()
		certtest.Write(t, dir, "a.key", leaf.KeyPEM(t))
		x.Reload()
		serial := leaf.Leaf.SerialNumber.String()
		poll(t, "the new certificate", func() bool { _, ok := seen.Load(serial); return ok || t.Failed() })
	}
	stop.Store(true)
	clients.Wait()
}

func TestTLS_minVersionAndKeyLog(t *testing.T) {
	log := filepath.Join(t.TempDir(), "keys")
	x := openTLS(t, goserver.TLSOptions{SelfSigned: true, MinVersion: tls.VersionTLS13, KeyLogFile: log})
	addr := serveTLS(t, x, &goserver.Server{Handler: http.NotFoundHandler(), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)})
	client := &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}
	if _, _, err := askTLS(addr, client, "/"); err == nil {
		t.Error("TLS 1.2 was accepted")
	}
	client.MaxVersion = 0
	_, state, err := askTLS(addr, client, "/")
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(state.PeerCertificates[0])
	if err := state.PeerCertificates[0].VerifyHostname("localhost"); err != nil || x.Fingerprint() == "" {
		t.Errorf("not the self-signed certificate: %v", err)
	}
	text, err := os.ReadFile(log)
	if err != nil || !strings.Contains(string(text), "CLIENT_TRAFFIC_SECRET_0 ") {
		t.Errorf("key log %q, %v", text, err)
	}
	if err := errors.Join(x.Close(), x.Close()); err != nil {
		t.Errorf("Close: %v", err)
	}
	if _, _, err := askTLS(addr, client, "/"); err != nil {
		t.Errorf("after Close: %v", err)
	}
	if info, err := os.Stat(log); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: the key log must be its owner's", info, err)
	}
}

// HSTS is with every kind of response over TLS, once, and never without TLS.
func TestHSTS(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file.txt"), []byte("file"), 0o600); err != nil {
		t.Fatal(err)
	}
	srv := &goserver.Server{
		HSTS: &goserver.HSTS{MaxAge: 90 * time.Minute, IncludeSubDomains: true, Preload: true}, MaxTargetBytes: 100,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/own" {
				w.Header().Set("Strict-Transport-Security", "max-age=1")
			}
			io.WriteString(w, "hello")
		}),
	}
	if err := errors.Join(
		srv.HandleStatic("GET /page", []byte("page"), "text/plain"),
		srv.HandleStatic("GET /large", make([]byte, 64<<10), "text/plain"),
		srv.Handle("GET /direct", func(c *goserver.Ctx) { c.WriteString("direct") }),
		srv.Static("/files/", dir, nil),
	); err != nil {
		t.Fatal(err)
	}
	addr := serveTLS(t, openTLS(t, goserver.TLSOptions{SelfSigned: true}), srv)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go srv.Serve(l)
	const all = "max-age=5400; includeSubDomains; preload"
	for path, want := range map[string]string{
		"/handler": all, "/own": "max-age=1", "/page": all, "/large": all, "/direct": all, "/files/file.txt": all, "/files/none": all, "/" + strings.Repeat("x", 200): all,
	} {
		resp, _, err := askTLS(addr, &tls.Config{InsecureSkipVerify: true}, path)
		if err != nil {
			t.Errorf("%.20s: %v", path, err)
			continue
		}
		if got := resp.Header.Values("Strict-Transport-Security"); len(got) != 1 || got[0] != want {
			t.Errorf("%.20s: %q, want %q", path, got, want)
		}
		if path == "/own" {
			continue
		}
		plain, err := http.Get("http://" + l.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		plain.Body.Close()
		if got := plain.Header.Values("Strict-Transport-Security"); len(got) != 0 {
			t.Errorf("%.20s without TLS: %q", path, got)
		}
	}
	for h, want := range map[goserver.HSTS]string{
		{}: "max-age=0", {MaxAge: time.Hour + time.Millisecond}: "max-age=3600", {MaxAge: -1, Preload: true}: "max-age=0; preload",
	} {
		if h.String() != want {
			t.Errorf("%+v: %q, want %q", h, h, want)
		}
	}
}

func TestRedirectHTTPS(t *testing.T) {
	for _, c := range []struct {
		port               int
		host, target, want string
	}{
		{443, "a.example", "/", "https://a.example/"},
		{443, "a.example:80", "/x/y?q=1&r=%2f", "https://a.example/x/y?q=1&r=%2f"},
		{8443, "a.example", "/", "https://a.example:8443/"},
		{8443, "a.example:8080", "/%7Eann/a%2Fb/../c?", "https://a.example:8443/%7Eann/a%2Fb/../c?"},
		{443, "[::1]:8080", "/", "https://[::1]/"},
		{8443, "[::1]", "/", "https://[::1]:8443/"},
		{443, "a.example", "//b.example/x", "https://a.example//b.example/x"},
		{443, "a.example", "http://a.example/p?q", "https://a.example/p?q"},
		{443, "a.example", "*", "https://a.example/"},
	} {
		for _, method := range []string{"GET", "POST"} {
			r := httptest.NewRequest(method, c.target, nil)
			r.Host = c.host
			w := httptest.NewRecorder()
			goserver.RedirectHTTPS(c.port).ServeHTTP(w, r)
			if got := w.Header().Get("Location"); w.Code != http.StatusPermanentRedirect || got != c.want {
				t.Errorf("%s %s on %s to %d: %d %q, want %q", method, c.target, c.host, c.port, w.Code, got, c.want)
			}
		}
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Host = ""
	w := httptest.NewRecorder()
	goserver.RedirectHTTPS(443).ServeHTTP(w, r)
	if w.Code != http.StatusBadRequest {
		t.Errorf("no host: %d, want 400", w.Code)
	}
}

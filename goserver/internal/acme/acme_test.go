package acme

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/acme/autocert"
)

func issuer(t *testing.T, names ...string) (*Issuer, error) {
	t.Helper()
	return New(Options{Names: names, CacheDir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
}

func TestNew_names(t *testing.T) {
	i, err := issuer(t, "A.Example.com", "a.example.com.", "bücher.example", "b.example.com")
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"a.example.com", "xn--bcher-kva.example", "b.example.com"}; !slices.Equal(i.Names(), want) {
		t.Errorf("%q, want %q", i.Names(), want)
	}
	for name, want := range map[string]bool{"a.example.com": true, "A.EXAMPLE.com": true, "c.example.com": false, "": false, "x.a.example.com": false} {
		if i.Accepts(name) != want {
			t.Errorf("Accepts(%q) = %v", name, !want)
		}
	}
	for _, bad := range []string{"", "localhost", "*.example.com", "127.0.0.1", "::1", "a b.example", "a.example.com:443", "-a.example"} {
		if _, err := issuer(t, bad); !errors.Is(err, ErrName) {
			t.Errorf("%q: %v, want ErrName", bad, err)
		}
	}
	if _, err := issuer(t); err != ErrNoNames {
		t.Errorf("no names: %v", err)
	}
}

func TestNew_errors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		o    Options
		want error
		says string
	}{
		{"no cache", Options{}, ErrNoCache, ""},
		{"cache is a file", Options{CacheDir: file}, ErrCache, file},
		{"cache below a file", Options{CacheDir: filepath.Join(file, "x")}, ErrCache, file},
		{"no address", Options{CacheDir: dir, Directory: "staging"}, ErrDirectory, `"staging"`},
		{"no TLS", Options{CacheDir: dir, Directory: "http://ca.example/directory"}, ErrDirectory, "http://ca.example"},
		{"no host", Options{CacheDir: dir, Directory: "https:///directory"}, ErrDirectory, ""},
		{"email", Options{CacheDir: dir, Email: "ann"}, ErrEmail, `"ann"`},
	} {
		c.o.Names = []string{"a.example.com"}
		if _, err := New(c.o); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %v and %q", c.name, err, c.want, c.says)
		}
	}
}

// What an authority for tests issued must not be served where another one is asked.
func TestNew_cacheOfEachAuthority(t *testing.T) {
	dir, seen := t.TempDir(), map[autocert.DirCache]bool{}
	for _, directory := range []string{"", "https://ca.example/staging", "https://ca.example/", "https://ca.example:14000/", "https://../..", "https://.."} {
		i, err := New(Options{Names: []string{"a.example.com"}, CacheDir: filepath.Join(dir, "cache"), Directory: directory, Email: "ann@example.com"})
		if err != nil {
			t.Errorf("%q: %v", directory, err)
			continue
		}
		cache := i.manager.Cache.(autocert.DirCache)
		if rel, err := filepath.Rel(filepath.Join(dir, "cache"), string(cache)); seen[cache] || err != nil || strings.HasPrefix(rel, "..") {
			t.Errorf("%q: kept in %s", directory, cache)
		}
		if left, err := os.ReadDir(string(cache)); err != nil || slices.ContainsFunc(left, func(e os.DirEntry) bool { return !e.IsDir() }) {
			t.Errorf("%q: %v, %v, want an empty cache", directory, left, err)
		}
		seen[cache] = true
	}
}

// A handshake for a name whose certificate has not come waits a little, then fails; one of a
// challenge that nobody waits for fails at once.
func TestCertificate_pending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, err := issuer(t, "a.example.com") // in the bubble, like what it waits for
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_, err = i.Certificate(&tls.ClientHelloInfo{ServerName: "a.example.com"})
		if !errors.Is(err, ErrPending) || time.Since(start) != waitForFirst {
			t.Errorf("%v after %v, want ErrPending after %v", err, time.Since(start), waitForFirst)
		}
	})
	i, err := issuer(t, "a.example.com")
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan error, 1)
	go func() {
		_, err := i.Certificate(&tls.ClientHelloInfo{ServerName: "a.example.com"})
		closed <- err
	}()
	i.Close()
	if err := <-closed; !errors.Is(err, ErrPending) {
		t.Errorf("after Close: %v, want ErrPending", err)
	}
	for _, hello := range []*tls.ClientHelloInfo{{ServerName: "c.example.com"}, {}, {ServerName: "c.example.com", SupportedProtos: []string{Proto}}} {
		if _, err := i.Certificate(hello); !errors.Is(err, ErrForeign) {
			t.Errorf("%q, %q: %v, want ErrForeign", hello.ServerName, hello.SupportedProtos, err)
		}
	}
	challenge := &tls.ClientHelloInfo{ServerName: "a.example.com", SupportedProtos: []string{Proto}}
	if _, err := i.Certificate(challenge); err == nil || !Challenge(challenge) {
		t.Errorf("challenge: %v", err)
	}
	if Challenge(&tls.ClientHelloInfo{SupportedProtos: []string{"h2", Proto}}) {
		t.Error("an ordinary client was taken for the authority")
	}
}

// Challenges are answered before anything else, for the names only; the rest goes on.
func TestHandler(t *testing.T) {
	i, err := issuer(t, "a.example.com")
	if err != nil {
		t.Fatal(err)
	}
	h := i.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	for url, want := range map[string]int{
		"http://a.example.com/":                                      http.StatusTeapot,
		"http://a.example.com/.well-known/acme-challenge/none":       http.StatusNotFound,
		"http://A.example.com:8080/.well-known/acme-challenge/none":  http.StatusNotFound,
		"http://other.example.com/.well-known/acme-challenge/secret": http.StatusForbidden,
		"http://a.example.com/.well-known/other":                     http.StatusTeapot,
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", url, nil))
		if w.Code != want {
			t.Errorf("%s: %d, want %d", url, w.Code, want)
		}
	}
}

func TestLate(t *testing.T) {
	start := time.Now()
	leaf := &x509.Certificate{NotBefore: start, NotAfter: start.Add(40 * time.Hour)}
	for after, want := range map[time.Duration]bool{0: false, 29 * time.Hour: false, 31 * time.Hour: true, 50 * time.Hour: true} {
		if late(leaf, start.Add(after)) != want {
			t.Errorf("after %v: %v", after, !want)
		}
	}
}

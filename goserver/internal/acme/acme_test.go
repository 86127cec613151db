package acme

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"testing/synctest"
	"time"
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
	if _, err := New(Options{Names: []string{"a.example.com"}}); err != ErrNoCache {
		t.Errorf("no cache: %v", err)
	}
}

// A handshake for a name whose certificate has not come waits a little, then fails; one of a
// challenge that nobody waits for fails at once.
func TestCertificate_pending(t *testing.T) {
	i, err := issuer(t, "a.example.com")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, err := i.Certificate(&tls.ClientHelloInfo{ServerName: "a.example.com"})
		if !errors.Is(err, ErrPending) || time.Since(start) != waitForFirst {
			t.Errorf("%v after %v, want ErrPending after %v", err, time.Since(start), waitForFirst)
		}
	})
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

// Package acme gets certificates from an authority (RFC 8555): with the
// challenges TLS-ALPN-01 (RFC 8737) and HTTP-01, for names that it was told, and
// renews them. Its one type is Issuer.
package acme

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
	"golang.org/x/net/idna"
)

// Proto is the protocol of TLS-ALPN-01 (RFC 8737 §6.2), to be offered by the server.
const Proto = acme.ALPNProto

const (
	requestTimeout = 30 * time.Second // of one request to the authority
	firstRetry     = time.Minute      // after a failure; twice as long after each further one
	lastRetry      = time.Hour
	check          = 12 * time.Hour // between looks at what was renewed
	lateShare      = 4              // a certificate with less than this part of its life left is late
	waitForFirst   = 5 * time.Second
)

// What can be wrong with Options, and with a handshake.
var (
	ErrNoNames = errors.New("ACME needs at least one name")
	ErrName    = errors.New("not the full name of a host")
	ErrNoCache = errors.New("ACME needs a directory to keep keys and certificates in")
	ErrPending = errors.New("the certificate has not been issued yet")
)

// Options say what to get and from whom.
type Options struct {
	Names     []string // hosts to have certificates for; others are refused
	CacheDir  string   // for account key, keys and certificates; made with access for the owner only
	Directory string   // URL of the authority's directory; "": Let's Encrypt
	Email     string   // contact, may be ""
	Roots     *x509.CertPool
	Log       *slog.Logger
}

// An Issuer gets and renews certificates, with ECDSA P-256 keys. It is safe for concurrent
// use. Making one accepts the terms of the authority.
type Issuer struct {
	manager autocert.Manager
	names   []string
	ready   map[string]chan struct{} // closed when the name has a certificate
	log     *slog.Logger
	stop    chan struct{}
	getting sync.WaitGroup
}

// New makes the cache directory and starts to get what is not in it, in the background, one
// goroutine a name. The challenges must be answered by then: by Certificate or Handler.
func New(o Options) (*Issuer, error) {
	if len(o.Names) == 0 {
		return nil, ErrNoNames
	}
	if o.CacheDir == "" {
		return nil, ErrNoCache
	}
	i := &Issuer{ready: map[string]chan struct{}{}, log: o.Log, stop: make(chan struct{})}
	for _, name := range o.Names {
		host, err := idna.Lookup.ToASCII(strings.TrimSuffix(name, "."))
		if err != nil || !strings.Contains(host, ".") || net.ParseIP(host) != nil {
			return nil, fmt.Errorf("%q: %w", name, ErrName)
		}
		if !slices.Contains(i.names, host) {
			i.names = append(i.names, host)
			i.ready[host] = make(chan struct{})
		}
	}
	if err := os.MkdirAll(o.CacheDir, 0o700); err != nil {
		return nil, err
	}
	i.manager = autocert.Manager{
		Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(o.CacheDir), HostPolicy: i.accepts, Email: o.Email,
		Client: &acme.Client{DirectoryURL: o.Directory, UserAgent: "hyperion", HTTPClient: client(o.Roots)},
	}
	return i, nil
}

func client(roots *x509.CertPool) *http.Client {
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true, IdleConnTimeout: requestTimeout}
	return &http.Client{Transport: t, Timeout: requestTimeout}
}

// Start begins to get the certificates. It is called once, when the server listens.
func (i *Issuer) Start() {
	for _, name := range i.names {
		i.getting.Go(func() { i.keep(name) })
	}
}

// Close ends the getting. What runs with the authority at that moment goes on in
// the background, for five minutes at most.
func (i *Issuer) Close() { close(i.stop) }

// accepts is the policy: only names that were asked for.
func (i *Issuer) accepts(_ context.Context, host string) error {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if i.ready[strings.ToLower(host)] == nil {
		return fmt.Errorf("%q: not one of the names to have certificates for", host)
	}
	return nil
}

// Names returns the names, in ASCII form.
func (i *Issuer) Names() []string { return i.names }

// Accepts reports whether the name is one to have a certificate for.
func (i *Issuer) Accepts(name string) bool { return i.ready[strings.ToLower(name)] != nil }

// Challenge reports whether the authority looks for the certificate of a challenge.
func Challenge(hello *tls.ClientHelloInfo) bool {
	return len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == Proto
}

// Certificate is for tls.Config.GetCertificate: that of a challenge, or that of a
// name. For the first one it waits a little.
func (i *Issuer) Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if Challenge(hello) {
		return i.manager.GetCertificate(hello)
	}
	name := strings.ToLower(hello.ServerName)
	ready := i.ready[name]
	select {
	case <-ready:
		return i.manager.GetCertificate(asking(name))
	default:
	}
	t := time.NewTimer(waitForFirst)
	defer t.Stop()
	select {
	case <-ready:
		return i.manager.GetCertificate(asking(name))
	case <-t.C:
		return nil, fmt.Errorf("%q: %w", name, ErrPending)
	}
}

// asking is what a client says that takes ECDSA: all do, and so a name needs one
// certificate.
func asking(name string) *tls.ClientHelloInfo {
	return &tls.ClientHelloInfo{ServerName: name, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}
}

// Handler answers HTTP-01 challenges and passes other requests on.
func (i *Issuer) Handler(next http.Handler) http.Handler { return i.manager.HTTPHandler(next) }

// keep gets the certificate of a name, and looks now and then whether it was renewed.
func (i *Issuer) keep(name string) {
	retry := firstRetry
	for first := true; ; {
		cert, err := i.manager.GetCertificate(asking(name))
		wait := check
		switch {
		case err != nil:
			wait = retry
			retry = min(2*retry, lastRetry)
			i.log.Error("ACME: no certificate", "name", name, "error", err.Error(), "next_try_in", wait.String())
		case first:
			first = false
			i.log.Info("ACME: certificate", "name", name, "expires", cert.Leaf.NotAfter.UTC().Format(time.RFC3339))
			close(i.ready[name])
		case late(cert.Leaf, time.Now()):
			i.log.Warn("ACME: certificate was not renewed", "name", name, "expires", cert.Leaf.NotAfter.UTC().Format(time.RFC3339))
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-i.stop:
			t.Stop()
			return
		}
	}
}

// late reports whether a certificate should have been renewed by now.
func late(leaf *x509.Certificate, now time.Time) bool {
	return leaf.NotAfter.Sub(now) < leaf.NotAfter.Sub(leaf.NotBefore)/lateShare
}

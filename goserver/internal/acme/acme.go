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
	"net/mail"
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
	firstRetry     = 90 * time.Second // after a failure, which autocert remembers for a minute; twice as long after each further one
	lastRetry      = time.Hour
	check          = 12 * time.Hour // between looks at what was renewed
	lateShare      = 4              // a certificate with less than this part of its life left is late
	waitForFirst   = 5 * time.Second
)

// What can be wrong with Options, and with a handshake.
var (
	ErrNoNames   = errors.New("at least one name is needed")
	ErrName      = errors.New("not the full name of a host: expected one such as www.example.com, without port and wildcard")
	ErrNoCache   = errors.New("a directory is needed to keep keys and certificates in")
	ErrCache     = errors.New("keys and certificates cannot be kept there: expected a directory that the server may write to")
	ErrDirectory = errors.New("not the address of an authority: expected one such as https://ca.example.com/directory")
	ErrEmail     = errors.New("not an address for mail: expected one such as ann@example.com")
	ErrForeign   = errors.New("not one of the names to have certificates for")
	ErrPending   = errors.New("the certificate has not been issued yet")
)

// Options say what to get and from whom.
type Options struct {
	Names     []string // hosts to have certificates for; others are refused
	CacheDir  string   // for account key, keys and certificates, in a directory for each authority; made with access for the owner only
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

// New checks the options and makes the cache directory. What it tells is wrong would make
// each request fail.
func New(o Options) (*Issuer, error) {
	if o.Directory == "" {
		o.Directory = acme.LetsEncryptURL
	}
	i := &Issuer{ready: map[string]chan struct{}{}, log: o.Log, stop: make(chan struct{})}
	if err := i.setNames(o.Names); err != nil {
		return nil, err
	}
	if _, err := mail.ParseAddress(o.Email); o.Email != "" && err != nil {
		return nil, fmt.Errorf("%q: %w", o.Email, ErrEmail)
	}
	cache, err := openCache(o.CacheDir, o.Directory)
	if err != nil {
		return nil, err
	}
	i.manager = autocert.Manager{
		Prompt: autocert.AcceptTOS, Cache: cache, HostPolicy: i.accepts, Email: o.Email,
		Client: &acme.Client{DirectoryURL: o.Directory, UserAgent: "hyperion", HTTPClient: client(o.Roots)},
	}
	return i, nil
}

func (i *Issuer) setNames(names []string) error {
	for _, name := range names {
		host, err := idna.Lookup.ToASCII(strings.TrimSuffix(name, "."))
		if err != nil || !strings.Contains(host, ".") || net.ParseIP(host) != nil {
			return fmt.Errorf("%q: %w", name, ErrName)
		}
		if !slices.Contains(i.names, host) {
			i.names = append(i.names, host)
			i.ready[host] = make(chan struct{})
		}
	}
	if len(i.names) == 0 {
		return ErrNoNames
	}
	return nil
}

func client(roots *x509.CertPool) *http.Client {
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true, IdleConnTimeout: requestTimeout}
	return &http.Client{Transport: t, Timeout: requestTimeout}
}

// Start begins to get the certificates that the cache lacks, one goroutine a name. It is
// called once, when the server listens: challenges must reach Certificate or Handler.
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
		return fmt.Errorf("%q: %w", host, ErrForeign)
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
	name := strings.ToLower(hello.ServerName)
	ready := i.ready[name]
	if ready == nil {
		return nil, fmt.Errorf("%q: %w", name, ErrForeign)
	}
	if Challenge(hello) {
		return i.manager.GetCertificate(hello)
	}
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
	case <-i.stop:
	case <-t.C:
	}
	return nil, fmt.Errorf("%q: %w", name, ErrPending)
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

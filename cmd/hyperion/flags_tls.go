package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"github.com/hyperion-server/hyperion/cmd/hyperion/internal/setting"
	"github.com/hyperion-server/hyperion/goserver"
)

// What can be wrong with the settings of TLS together.
var (
	errUnpairedFlags   = errors.New("--tls-cert and --tls-key must be supplied together, each key behind its certificate in the same order")
	errNeedsTLS        = errors.New("needs TLS: --tls-cert and --tls-key, --tls-dir, --tls-self-signed or --acme-name")
	errClientCA        = errors.New("--tls-client-auth and --tls-client-ca must be supplied together")
	errDirectories     = errors.New("--acme-staging and --acme-directory exclude each other")
	errNeedsNames      = errors.New("needs --acme-name")
	errPreload         = errors.New("--hsts-preload needs --hsts of a year (8760h) or more, and --hsts-include-subdomains: browsers take no other on their lists")
	errNeedsHSTS       = errors.New("needs --hsts")
	errShortHSTS       = errors.New("is sent in whole seconds: expected 0s, or 1s or more")
	errNoCacheDir      = errors.New("--acme-cache is needed: this user has no home directory")
	errNoCertificateIn = errors.New("no certificate in PEM form")
)

const (
	stagingDirectory = "https://acme-staging-v02.api.letsencrypt.org/directory"
	preloadAge       = 365 * 24 * time.Hour
)

// tlsFlags are the settings of TLS and what surrounds it.
type tlsFlags struct {
	certs, keys           setting.List
	dir                   string
	selfSigned            bool
	minVersion            setting.Choice
	clientAuth            setting.Choice
	clientCA, keyLog      string
	ticketKeys            string
	ticketRotation        setting.Span
	handshakeRate         setting.Count
	ktls                  setting.Choice
	redirect              setting.OptionalPort
	hsts                  setting.Span
	hstsSubdomains        bool
	hstsPreload           bool
	acmeNames             setting.List
	acmeCache, acmeEmail  string
	acmeDirectory, acmeCA string
	acmeStaging           bool
}

func newTLSFlags() tlsFlags {
	return tlsFlags{
		certs:          setting.List{Kind: "FILE"},
		keys:           setting.List{Kind: "FILE"},
		minVersion:     setting.Choice{Word: "1.2", Words: []string{"1.2", "1.3"}},
		clientAuth:     setting.Choice{Word: "off", Words: []string{"off", "request", "require"}},
		ticketRotation: setting.Span{D: goserver.DefaultTicketRotation, Optional: true},
		handshakeRate:  setting.Count{N: setting.None, Optional: true},
		ktls:           setting.Choice{Word: goserver.KTLSAuto, Words: []string{goserver.KTLSAuto, goserver.KTLSOn, goserver.KTLSOff}},
		redirect:       setting.OptionalPort{N: setting.None},
		hsts:           setting.Span{D: setting.None, Optional: true, Zero: true},
		acmeNames:      setting.List{Kind: "HOST"},
	}
}

// defineTLS defines what most need, defineTLSMore the rest.
func (f *tlsFlags) defineTLS(fs *pflag.FlagSet) {
	fs.Var(&f.certs, "tls-cert", "serve TLS with the certificate chain in this file; may be repeated: clients choose by name")
	fs.Var(&f.keys, "tls-key", "its private key; once for each --tls-cert, in the same order")
	toggle(fs, &f.selfSigned, "tls-self-signed", "serve TLS with a certificate for localhost, made anew at each start")
	fs.Var(&f.acmeNames, "acme-name", "get and renew a certificate for this host by ACME, whose terms you accept; may be repeated")
}

func (f *tlsFlags) defineTLSMore(fs *pflag.FlagSet) {
	fs.StringVar(&f.dir, "tls-dir", "", "certificates of this `DIR`: NAME.crt or .pem with NAME.key, or certbot's live directory")
	fs.Var(&f.minVersion, "tls-min-version", "least version of TLS")
	fs.Var(&f.clientAuth, "tls-client-auth", "ask clients for a certificate: request takes those without one, too")
	fs.StringVar(&f.clientCA, "tls-client-ca", "", "`FILE` with the authorities of client certificates")
	fs.StringVar(&f.keyLog, "tls-key-log", "", "append the secrets of connections to this `FILE`, to read traffic in a debugger")
	fs.StringVar(&f.ticketKeys, "tls-ticket-keys", "", "`FILE` with the keys of session tickets, which processes share; made if missing")
	fs.Var(&f.ticketRotation, "tls-ticket-rotation", "age at which the key of session tickets is replaced; none: by SIGUSR2 only")
	fs.Var(&f.handshakeRate, "tls-handshake-rate-limit", "TLS connections accepted a second; others are closed at once")
	fs.Var(&f.ktls, "tls-ktls", "let the kernel make the records of TLS 1.3 (also --ktls); on: do not start where it can't")
	setting.Alias(fs, "ktls", "tls-ktls")
	fs.Var(&f.redirect, "http-redirect", "also listen on this port, without TLS, and redirect to https")
	fs.Var(&f.hsts, "hsts", "tell browsers to use https only, for this long; 0s: to forget it (HSTS)")
	toggle(fs, &f.hstsSubdomains, "hsts-include-subdomains", "the same for all hosts below this one")
	toggle(fs, &f.hstsPreload, "hsts-preload", "agree to be on the lists that browsers come with")
	fs.StringVar(&f.acmeCache, "acme-cache", "", "`DIR` for what ACME got (default hyperion/acme in the user's cache directory)")
	fs.StringVar(&f.acmeEmail, "acme-email", "", "where the authority may write to: an `ADDRESS`")
	fs.StringVar(&f.acmeDirectory, "acme-directory", "", "`URL` of the authority's directory (default that of Let's Encrypt)")
	toggle(fs, &f.acmeStaging, "acme-staging", "get certificates for tests, from the staging authority of Let's Encrypt")
	fs.StringVar(&f.acmeCA, "acme-ca", "", "`FILE` with the certificate of a private authority's server")
}

// on reports whether the server speaks TLS.
func (f *tlsFlags) on() bool {
	return len(f.certs.Items) > 0 || len(f.keys.Items) > 0 || f.dir != "" || f.selfSigned || len(f.acmeNames.Items) > 0
}

// check finds settings that do not go together.
func (f *tlsFlags) check() error {
	hsts := f.hsts.D != setting.None
	for _, c := range []struct {
		wrong bool
		flag  string
		err   error
	}{
		{len(f.certs.Items) != len(f.keys.Items), "", errUnpairedFlags},
		{!f.on() && f.redirect.N != setting.None, "--http-redirect", errNeedsTLS},
		{!f.on() && hsts, "--hsts", errNeedsTLS},
		{!f.on() && f.clientAuth.Word != "off", "--tls-client-auth", errNeedsTLS},
		{!f.on() && f.ktls.Word == goserver.KTLSOn, "--tls-ktls=on", errNeedsTLS},
		{!f.on() && f.keyLog != "", "--tls-key-log", errNeedsTLS},
		{!f.on() && f.ticketKeys != "", "--tls-ticket-keys", errNeedsTLS},
		{!f.on() && f.ticketRotation.D != goserver.DefaultTicketRotation, "--tls-ticket-rotation", errNeedsTLS},
		{!f.on() && f.minVersion.Word == "1.3", "--tls-min-version", errNeedsTLS},
		{!f.on() && f.handshakeRate.N != setting.None, "--tls-handshake-rate-limit", errNeedsTLS},
		{(f.clientAuth.Word == "off") != (f.clientCA == ""), "", errClientCA},
		{f.acmeStaging && f.acmeDirectory != "", "", errDirectories},
		{len(f.acmeNames.Items) == 0 && f.acmeStaging, "--acme-staging", errNeedsNames},
		{len(f.acmeNames.Items) == 0 && f.acmeDirectory != "", "--acme-directory", errNeedsNames},
		{len(f.acmeNames.Items) == 0 && f.acmeCache != "", "--acme-cache", errNeedsNames},
		{len(f.acmeNames.Items) == 0 && f.acmeEmail != "", "--acme-email", errNeedsNames},
		{len(f.acmeNames.Items) == 0 && f.acmeCA != "", "--acme-ca", errNeedsNames},
		{hsts && 0 < f.hsts.D && f.hsts.D < time.Second, "--hsts", errShortHSTS},
		{!hsts && f.hstsSubdomains, "--hsts-include-subdomains", errNeedsHSTS},
		{f.hstsPreload && (f.hsts.D < preloadAge || !f.hstsSubdomains), "", errPreload},
	} {
		switch {
		case !c.wrong:
		case c.flag == "":
			return c.err
		default:
			return fmt.Errorf("%s %w", c.flag, c.err)
		}
	}
	return nil
}

// options returns what the flags say, for a server that speaks TLS.
func (f *tlsFlags) options() (o goserver.TLSOptions, err error) {
	o = goserver.TLSOptions{
		Dir: f.dir, SelfSigned: f.selfSigned, MinVersion: tls.VersionTLS12,
		ClientCAsFile: f.clientCA, KeyLogFile: f.keyLog, TicketKeysFile: f.ticketKeys, TicketRotation: f.ticketRotation.D,
	}
	for i, cert := range f.certs.Items {
		o.Certificates = append(o.Certificates, goserver.TLSFiles{Cert: cert, Key: f.keys.Items[i]})
	}
	if f.minVersion.Word == "1.3" {
		o.MinVersion = tls.VersionTLS13
	}
	switch f.clientAuth.Word {
	case "request":
		o.ClientAuth = goserver.ClientAuthRequest
	case "require":
		o.ClientAuth = goserver.ClientAuthRequire
	}
	if len(f.acmeNames.Items) > 0 {
		o.ACME, err = f.acme()
	}
	return o, err
}

func (f *tlsFlags) acme() (*goserver.ACMEOptions, error) {
	o := &goserver.ACMEOptions{Names: f.acmeNames.Items, CacheDir: f.acmeCache, Directory: f.acmeDirectory, Email: f.acmeEmail}
	if f.acmeStaging {
		o.Directory = stagingDirectory
	}
	if o.CacheDir == "" {
		home, err := os.UserCacheDir()
		if err != nil {
			return nil, errNoCacheDir
		}
		o.CacheDir = filepath.Join(home, "hyperion", "acme")
	}
	if f.acmeCA != "" {
		text, err := os.ReadFile(f.acmeCA)
		if err != nil {
			return nil, fmt.Errorf("--acme-ca: %w", err)
		}
		if o.Roots = x509.NewCertPool(); !o.Roots.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("--acme-ca %s: %w", f.acmeCA, errNoCertificateIn)
		}
	}
	return o, nil
}

// strictTransport returns the server's HSTS, nil if it has none.
func (f *tlsFlags) strictTransport() *goserver.HSTS {
	if f.hsts.D == setting.None {
		return nil
	}
	return &goserver.HSTS{MaxAge: f.hsts.D, IncludeSubDomains: f.hstsSubdomains, Preload: f.hstsPreload}
}

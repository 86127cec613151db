package goserver

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/acme"
	"github.com/hyperion-server/hyperion/goserver/internal/certs"
	"github.com/hyperion-server/hyperion/goserver/internal/tickets"
)

// Defaults of TLSOptions.
const (
	DefaultTLSMinVersion  = tls.VersionTLS12
	DefaultTicketRotation = tickets.DefaultEvery
)

// What can be wrong with TLSOptions as such. What is wrong with a file is told
// with its name.
var (
	ErrTLSNoCertificate = errors.New("TLS needs a certificate: files, a directory, a self-signed one or ACME")
	ErrTLSVersion       = errors.New("the minimum version of TLS must be 1.2 or 1.3")
	ErrTLSClientAuth    = errors.New("TLSOptions.ClientAuth must be ClientAuthOff, ClientAuthRequest or ClientAuthRequire")
	ErrTLSClientCAs     = errors.New("client certificates need a file with the certificates of their authorities")
)

// TLSFiles name the files of one certificate, in PEM form: the chain with the
// server's own certificate first, and its private key. Both may be the same file.
type TLSFiles struct {
	Cert, Key string
}

// A ClientAuth says whether clients are asked for a certificate.
type ClientAuth int

// Values of TLSOptions.ClientAuth.
const (
	ClientAuthOff     ClientAuth = iota // not asked for
	ClientAuthRequest                   // may have none; one that it has must be good
	ClientAuthRequire                   // must have a good one
)

// TLSOptions say which certificates a server shows, how it keeps the keys of its session
// tickets, and what it asks of clients.
//
// A client gets the certificate of the name that it asks for (SNI), compared without
// case: of Certificates, then of Dir, one with the very name before one with a wildcard.
// If none has it, and if the client asks for none, it gets the default: the first of
// Certificates, else the first by file name in Dir, else the self-signed one, else
// that of the first name of ACME. Of several certificates with a name the first is taken whose
// key the client can use.
type TLSOptions struct {
	Certificates []TLSFiles

	// Dir is a directory of certificates: NAME.crt or NAME.pem with NAME.key or NAME-key.pem,
	// NAME.pem with both in it, or fullchain.pem with privkey.pem; also one level down.
	Dir string

	SelfSigned bool         // a certificate for development, made anew each time, in memory only; see TLS.Fingerprint
	ACME       *ACMEOptions // certificates from an authority; nil: none

	MinVersion    uint16     // tls.VersionTLS12 or tls.VersionTLS13; 0: DefaultTLSMinVersion
	ClientAuth    ClientAuth // with VerifiedChains in the ConnectionState of those who have one
	ClientCAsFile string     // authorities of client certificates, in PEM form; read once
	KeyLogFile    string     // gets the secrets of all connections, for debugging (NSS key log); appended to

	// TicketKeysFile holds the keys of session tickets, so that processes and starts that share
	// it resume each other's sessions. It is made if it is missing, watched, and refused when
	// others than the owner and his group may read it. "": keys in memory.
	TicketKeysFile string
	TicketRotation time.Duration // age at which the key of new tickets is replaced; the three before it still decrypt; 0: DefaultTicketRotation; negative: never by time

	Logger *slog.Logger // for what happens to files later; nil: slog.Default
}

// ACMEOptions say for which names an authority is asked (RFC 8555). The certificates
// have ECDSA P-256 keys, are kept in CacheDir and renewed in time. Using them accepts the
// authority's terms.
type ACMEOptions struct {
	Names     []string       // full names of hosts; the authority connects to each
	CacheDir  string         // made if it is missing, for the owner only; has a directory for each authority
	Directory string         // URL of the authority; "": Let's Encrypt, for production
	Email     string         // where the authority writes to; may be ""
	Roots     *x509.CertPool // to verify the authority's own server; nil: the system's
}

// A TLS is what TLSOptions became: certificates and keys that follow their files
// until Close. Its methods are safe for concurrent use.
type TLS struct {
	config  *tls.Config
	store   *certs.Store
	keys    *tickets.Keys
	issuer  *acme.Issuer // nil: no ACME
	own     *tls.Certificate
	keyLog  *keyLog // nil: none
	options TLSOptions
	closing sync.Once
}

// OpenTLS loads what the options name. Files that are wrong, and certificates that have
// expired, are errors that name the file; those of Dir that have expired are left out and
// logged while there are others.
//
// Later changes show without a restart: files are loaded anew when they, or links to
// them, are replaced. What cannot be loaded then is logged once, and the old stays.
func OpenTLS(o TLSOptions) (_ *TLS, err error) {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.MinVersion == 0 {
		o.MinVersion = DefaultTLSMinVersion
	}
	t := &TLS{options: o, config: &tls.Config{MinVersion: o.MinVersion, CipherSuites: suites12}}
	defer func() {
		if err != nil {
			t.Close()
		}
	}()
	for _, step := range []func() error{t.check, t.openClientAuth, t.openCertificates, t.openACME, t.openTickets, t.openKeyLog} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	t.config.GetCertificate = t.certificate
	return t, nil
}

// suites12 are those of TLS 1.2: with forward secrecy, and authenticated encryption. All
// are good for HTTP/2 (RFC 9113 §9.2.2). Those of TLS 1.3 cannot be chosen.
var suites12 = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

func (t *TLS) check() error {
	o := &t.options
	switch {
	case len(o.Certificates) == 0 && o.Dir == "" && !o.SelfSigned && o.ACME == nil:
		return ErrTLSNoCertificate
	case o.MinVersion != tls.VersionTLS12 && o.MinVersion != tls.VersionTLS13:
		return ErrTLSVersion
	case o.ClientAuth < ClientAuthOff || o.ClientAuth > ClientAuthRequire:
		return fmt.Errorf("%w, not %d", ErrTLSClientAuth, o.ClientAuth)
	case o.ClientAuth != ClientAuthOff && o.ClientCAsFile == "":
		return ErrTLSClientCAs
	}
	return nil
}

func (t *TLS) openClientAuth() (err error) {
	switch t.options.ClientAuth {
	case ClientAuthOff:
		return nil
	case ClientAuthRequest:
		t.config.ClientAuth = tls.VerifyClientCertIfGiven
	default:
		t.config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	if t.config.ClientCAs, err = certs.LoadPool(t.options.ClientCAsFile); err != nil {
		return fmt.Errorf("authorities of client certificates: %w", err)
	}
	return nil
}

func (t *TLS) openCertificates() (err error) {
	o := &t.options
	if o.SelfSigned {
		host, _ := os.Hostname() // has no name: then not in the certificate
		if t.own, err = certs.SelfSigned(host, time.Now()); err != nil {
			return err
		}
	}
	pairs := make([]certs.Pair, len(o.Certificates))
	for i, f := range o.Certificates {
		pairs[i] = certs.Pair(f)
	}
	t.store, err = certs.Open(certs.Options{Pairs: pairs, Dir: o.Dir, Fixed: t.own, Log: o.Logger})
	return err
}

func (t *TLS) openACME() (err error) {
	o := t.options.ACME
	if o == nil {
		return nil
	}
	t.config.NextProtos = []string{acme.Proto}
	t.issuer, err = acme.New(acme.Options{
		Names: o.Names, CacheDir: o.CacheDir, Directory: o.Directory, Email: o.Email, Roots: o.Roots, Log: t.options.Logger,
	})
	if err != nil {
		return fmt.Errorf("ACME: %w", err)
	}
	return nil
}

func (t *TLS) openTickets() (err error) {
	o := &t.options
	if t.keys, err = tickets.Open(tickets.Options{File: o.TicketKeysFile, Every: o.TicketRotation, Log: o.Logger}); err != nil {
		return err
	}
	t.keys.Install(t.config)
	return nil
}

func (t *TLS) openKeyLog() (err error) {
	if t.options.KeyLogFile == "" {
		return nil
	}
	if t.keyLog, err = openKeyLog(t.options.KeyLogFile, t.options.Logger); err != nil {
		return err
	}
	t.config.KeyLogWriter = t.keyLog
	return nil
}

// certificate chooses for a client.
func (t *TLS) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if t.issuer == nil {
		return t.store.Certificate(hello)
	}
	switch {
	case acme.Challenge(hello):
		return t.issuer.Certificate(hello)
	case t.store.Covers(hello.ServerName):
	case t.issuer.Accepts(hello.ServerName):
		return t.issuer.Certificate(hello)
	case t.store.Empty():
		first := *hello
		first.ServerName = t.issuer.Names()[0]
		return t.issuer.Certificate(&first)
	}
	return t.store.Certificate(hello)
}

// Config returns a new configuration with the certificates and keys: for
// Server.TLSConfig, or for any other server in Go. It may be changed before it is used.
// NextProtos has the protocol of ACME's challenge, if that is in use, and nothing else.
func (t *TLS) Config() *tls.Config { return t.config.Clone() }

// Start begins to ask the authority for certificates. It is called once, when the
// server listens; without ACME it does nothing.
func (t *TLS) Start() {
	if t.issuer != nil {
		t.issuer.Start()
	}
}

// ChallengeHandler answers HTTP-01 challenges of ACME, which come without TLS, on
// port 80, and passes other requests to next. Without ACME it is next.
func (t *TLS) ChallengeHandler(next http.Handler) http.Handler {
	if t.issuer == nil {
		return next
	}
	return t.issuer.Handler(next)
}

// RotateTickets replaces the key of session tickets now. The three keys before it
// still resume sessions. When a file is shared, and another process has just done it, its
// key is loaded instead.
func (t *TLS) RotateTickets() error { return t.keys.Rotate() }

// Reload looks at the files of the certificates at once, and returns how many
// certificates it has loaded anew, and an error that tells of each that could not be
// loaded: the old one stays. Files that have not changed since they were loaded, by the
// watch that OpenTLS began, say, do not count.
func (t *TLS) Reload() (loaded int, err error) { return t.store.Reload() }

// Fingerprint returns the SHA-256 of the self-signed certificate, as openssl prints
// it, or "" if there is none.
func (t *TLS) Fingerprint() string {
	if t.own == nil {
		return ""
	}
	return certs.Fingerprint(t.own)
}

// Close ends the watching of files, the rotation, the key log and what Start began.
// Configurations stay usable.
func (t *TLS) Close() error {
	var err error
	t.closing.Do(func() {
		if t.issuer != nil {
			t.issuer.Close()
		}
		if t.store != nil {
			t.store.Close()
		}
		if t.keys != nil {
			t.keys.Close()
		}
		if t.keyLog != nil {
			err = t.keyLog.Close()
		}
	})
	return err
}

package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hyperion-server/hyperion/cmd/hyperion/internal/setting"
	"github.com/hyperion-server/hyperion/goserver"
)

const (
	redirectHeaderTimeout = 5 * time.Second
	redirectConns         = 10_000
	redirectStop          = time.Second // for what it answers when the server stops
)

// transport is what lies below a server's requests: TLS, the listener that
// redirects to it, and the signals for its certificates and keys.
type transport struct {
	tls      *goserver.TLS // nil: the server does not speak it
	redirect *goserver.Server
	at       *net.TCPAddr   // of redirect; nil: there is none
	rotates  chan os.Signal // to rotate the keys
	hangups  chan os.Signal // to read certificates again
	log      *slog.Logger
}

// newTransport takes the signals, which by default end the process, also where
// there is no TLS. It is to be closed.
func newTransport(log *slog.Logger) *transport {
	t := &transport{rotates: make(chan os.Signal, 1), hangups: make(chan os.Signal, 1), log: log}
	notifyRotate(t.rotates)
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		signal.Notify(t.hangups, syscall.SIGHUP)
	}
	return t
}

// open opens what the flags ask for and gives it to srv. l is the server's own
// listener, to whose port the redirects lead. A terminal that goes away is told to stop.
func (t *transport) open(f *serverFlags, srv *goserver.Server, l net.Listener, stop chan<- os.Signal) error {
	if f.tls.on() {
		options, err := f.tls.options()
		if err != nil {
			return badConfig(err)
		}
		options.Logger = t.log
		if t.tls, err = goserver.OpenTLS(options); err != nil {
			return badConfig(err)
		}
		srv.TLSConfig = t.tls.Config()
		srv.HSTS = f.tls.strictTransport()
		if srv.KTLS, err = t.kernelTLS(f.tls.ktls.Word); err != nil {
			return badConfig(err)
		}
	}
	go t.obey(hasTerminal(), stop)
	if f.tls.redirect.N == setting.None {
		return nil
	}
	return t.openRedirect(f, srv, l.Addr().(*net.TCPAddr).Port)
}

// kernelTLS returns the policy for the server. Where auto means off, it says why.
func (t *transport) kernelTLS(policy string) (string, error) {
	why := goserver.KTLSSupported()
	switch {
	case why == nil || policy == goserver.KTLSOff:
		return policy, nil
	case policy == goserver.KTLSOn:
		return "", fmt.Errorf("--tls-ktls=on: %w", why)
	}
	t.log.Info("kernel TLS is not in use", "reason", why.Error())
	return goserver.KTLSOff, nil
}

// openRedirect listens without TLS.
func (t *transport) openRedirect(f *serverFlags, srv *goserver.Server, port int) error {
	plain, err := listen(f.bind, f.tls.redirect.String(), "--http-redirect")
	if err != nil {
		return err
	}
	t.at = plain.Addr().(*net.TCPAddr)
	t.redirect = &goserver.Server{
		Handler: t.tls.ChallengeHandler(goserver.RedirectHTTPS(port)), ErrorLog: srv.ErrorLog, AccessLog: srv.AccessLog,
		ReadHeaderTimeout: redirectHeaderTimeout, IdleTimeout: redirectHeaderTimeout, MaxConns: redirectConns,
	}
	go func() {
		if err := t.redirect.Serve(plain); err != http.ErrServerClosed {
			t.log.Error("redirecting has ended", "error", err.Error())
		}
	}()
	return nil
}

// serve serves l, over TLS if that is on.
func (t *transport) serve(srv *goserver.Server, l net.Listener) error {
	if t.tls == nil {
		return srv.Serve(l)
	}
	t.tls.Start()
	return srv.ServeTLS(l, "", "")
}

// obey does what signals ask for, until close. attached says that the process has
// begun on a terminal: when that has gone, SIGHUP came from there.
func (t *transport) obey(attached bool, stop chan<- os.Signal) {
	for {
		select {
		case _, ok := <-t.rotates:
			if !ok {
				return
			}
			t.rotate()
		case s := <-t.hangups:
			if attached && !hasTerminal() {
				stop <- s
				return
			}
			t.reload()
		}
	}
}

// hasTerminal reports whether the process belongs to a terminal, which is there.
func hasTerminal() bool {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return false
	}
	tty.Close()
	return true
}

func (t *transport) rotate() {
	if t.tls == nil {
		t.log.Warn("no session tickets to rotate: the server does not speak TLS")
	} else if err := t.tls.RotateTickets(); err != nil {
		t.log.Error("session ticket keys not rotated", "error", err.Error())
	} else {
		t.log.Info("session ticket keys rotated")
	}
}

func (t *transport) reload() {
	if t.tls == nil {
		t.log.Warn("nothing to read again: the server does not speak TLS")
	} else if loaded, err := t.tls.Reload(); err != nil {
		t.log.Error("TLS certificates not read again, the old ones stay", "error", err.Error(), "loaded", loaded)
	} else {
		t.log.Info("TLS certificates read again", "loaded", loaded)
	}
}

// close ends the redirects and what follows files. Signals are ignored from now on.
func (t *transport) close() {
	signal.Stop(t.hangups)
	signal.Stop(t.rotates)
	close(t.rotates)
	if t.redirect != nil {
		ctx, cancel := context.WithTimeout(context.Background(), redirectStop)
		defer cancel()
		if t.redirect.Shutdown(ctx) != nil {
			t.redirect.Close()
		}
	}
	if t.tls != nil {
		t.tls.Close()
	}
}

// redirectURL returns the address of the redirects, "" if there are none.
func (t *transport) redirectURL() string {
	if t.at == nil {
		return ""
	}
	return url("http", t.at)
}

// scheme is that of the server's own address.
func (t *transport) scheme() string {
	if t.tls == nil {
		return "http"
	}
	return "https"
}

// fingerprint is that of a self-signed certificate, "" if there is none.
func (t *transport) fingerprint() string {
	if t.tls == nil {
		return ""
	}
	return t.tls.Fingerprint()
}

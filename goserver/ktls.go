package goserver

import (
	"errors"
	"fmt"
	"slices"

	"github.com/hyperion-server/hyperion/goserver/internal/ktls"
)

// Values of Server.KTLS.
const (
	KTLSAuto = "auto" // where the kernel can; the reason why it can't is logged once
	KTLSOn   = "on"   // ServeTLS fails with ErrKTLS where the kernel can't
	KTLSOff  = "off"
)

// Errors of Server.KTLS.
var (
	ErrKTLS     = errors.New("goserver: kernel TLS is not available")
	ErrKTLSName = errors.New(`goserver: Server.KTLS must be "auto", "on" or "off"`)
)

// checkKTLS fails when KTLS is no policy, and over TLS when the kernel can't do what it
// asks for. With "auto" it says why the kernel can't.
func (s *Server) checkKTLS(overTLS bool) error {
	if !slices.Contains([]string{"", KTLSAuto, KTLSOn, KTLSOff}, s.KTLS) {
		return fmt.Errorf("%w, not %q", ErrKTLSName, s.KTLS)
	}
	why := ktls.Supported()
	switch {
	case !overTLS, why == nil:
	case s.KTLS == KTLSOn:
		return fmt.Errorf("%w: %w", ErrKTLS, why)
	case s.KTLS == KTLSAuto:
		s.ktlsOnce.Do(func() { s.errorLog().Printf("http: TLS in the kernel is off: %v", why) })
	}
	return nil
}

// kernelTLS returns what learns the secrets that go to the kernel; nil when none do.
func (s *Server) kernelTLS() *ktls.Secrets {
	if s.KTLS == KTLSOff || ktls.Supported() != nil {
		return nil
	}
	return ktls.NewSecrets()
}

// KTLSSupported returns nil when the kernel can send TLS, else why it can't.
func KTLSSupported() error { return ktls.Supported() }

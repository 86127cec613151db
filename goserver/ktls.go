package goserver

import (
	"errors"
	"fmt"

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

// kernelTLS returns what learns the secrets that go to the kernel; nil when none do.
func (s *Server) kernelTLS() (*ktls.Secrets, error) {
	switch s.KTLS {
	case KTLSOff:
		return nil, nil
	case "", KTLSAuto, KTLSOn:
	default:
		return nil, fmt.Errorf("%w, not %q", ErrKTLSName, s.KTLS)
	}
	err := ktls.Supported()
	if err == nil {
		return ktls.NewSecrets(), nil
	}
	if s.KTLS == KTLSOn {
		return nil, fmt.Errorf("%w: %w", ErrKTLS, err)
	}
	return nil, nil
}

// checkKTLS fails when what s asks of the kernel it cannot do. With "auto" it says
// why, if anybody wants to know.
func (s *Server) checkKTLS() error {
	_, err := s.kernelTLS()
	if err == nil && s.KTLS == KTLSAuto {
		if why := ktls.Supported(); why != nil {
			s.ktlsOnce.Do(func() { s.errorLog().Printf("http: TLS in the kernel is off: %v", why) })
		}
	}
	return err
}

// KTLSSupported returns nil when the kernel can send TLS, else why it can't.
func KTLSSupported() error { return ktls.Supported() }

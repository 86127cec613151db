package netio

import (
	"crypto/tls"
	"net"
	"os"
	"testing"

	"github.com/hyperion-server/hyperion/goserver/internal/ktls"
)

// kernelKind is the kind of TLS connections whose records the kernel makes.
var kernelKind = kind{kernelTLSKind, func(l net.Listener) net.Listener { return l }, func(*tls.Config) {}}

func init() {
	if ktls.Supported() == nil {
		kinds = append(kinds, kernelKind) // every test of behaviour runs on it as well
	}
}

// needKernelTLS skips a test where the kernel has no TLS, unless the environment
// says that it must have.
func needKernelTLS(t *testing.T) {
	t.Helper()
	if err := ktls.Supported(); err != nil {
		if os.Getenv("HYPERION_REQUIRE_KTLS") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// The gauge counts what is open, and only that.
func TestKernelTLS_counted(t *testing.T) {
	needKernelTLS(t)
	te := run(t, kernelKind, Config{}, echo)
	a, b := te.dialRecords(t), te.dialRecords(t)
	for _, c := range []*recordClient{a, b} {
		c.send(c.record(typeData, "x"))
		c.want("x")
	}
	if n := te.TLSTotals().Kernel; n != 2 {
		t.Errorf("%d connections in the kernel, want 2", n)
	}
	a.Close()
	eventually(t, "one connection in the kernel", func() bool { return te.TLSTotals().Kernel == 1 })
	b.Close()
	eventually(t, "none in the kernel", func() bool { return te.TLSTotals().Kernel == 0 })
}

// What the kernel cannot do stays with crypto/tls.
func TestKernelTLS_TLS12(t *testing.T) {
	needKernelTLS(t)
	k := kernelKind
	k.conf = func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }
	te := run(t, k, Config{}, echo)
	c := te.dial()
	c.Write([]byte("x"))
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if n := te.TLSTotals().Kernel; n != 0 {
		t.Errorf("%d connections in the kernel, want 0", n)
	}
}

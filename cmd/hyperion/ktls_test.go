package main

import (
	"strings"
	"testing"

	"github.com/hyperion-server/hyperion/goserver"
)

func TestKTLS_mistakes(t *testing.T) {
	why := goserver.KTLSSupported()
	for _, c := range []struct {
		name string
		env  []string
		args []string
		code int
		want []string
	}{
		{"word", nil, []string{"--tls-self-signed", "--ktls=yes"}, exitUsage, []string{"yes", "expected auto, on or off"}},
		{"word of the variable", []string{"HYPERION_TLS_KTLS=yes"}, nil, exitConfig, []string{"HYPERION_TLS_KTLS", "expected auto, on or off"}},
		{"without TLS", nil, []string{"--tls-ktls=on"}, exitConfig, []string{"--tls-ktls=on needs TLS"}},
		{"not supported", []string{"HYPERION_TLS_KTLS=on"}, []string{"--tls-self-signed", "--port=0"}, exitConfig, []string{"--tls-ktls=on: ktls: kernel TLS is not available: "}},
		{"the flag wins", []string{"HYPERION_TLS_KTLS=off"}, []string{"--tls-self-signed", "--port=0", "--ktls=on"}, exitConfig, []string{"--tls-ktls=on: ktls: kernel TLS is not available: "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if strings.Contains(c.want[0], "not available") && why == nil {
				t.Skip("the kernel has TLS")
			}
			got := run(t, c.env, append([]string{"serve", t.TempDir()}, c.args...)...)
			for _, part := range c.want {
				if got.code != c.code || !strings.Contains(got.stderr, part) {
					t.Errorf("exit code %d, want %d; lacks %q: %s", got.code, c.code, part, got.stderr)
				}
			}
		})
	}
}

// Where auto means off, the reason is told once; off says nothing.
func TestKTLS_auto(t *testing.T) {
	why := goserver.KTLSSupported()
	for policy, want := range map[string]bool{"auto": why != nil, "off": false} {
		s := serve(t, nil, "--tls-self-signed", "--log-level=info", "--ktls", policy)
		s.stop(t)
		n := strings.Count(s.errOut.String(), "kernel TLS is not in use")
		if n > 1 || (n == 1) != want {
			t.Errorf("%s: %d times in %s", policy, n, s.errOut.String())
		}
	}
}

func TestVersion_kernelTLS(t *testing.T) {
	got := run(t, nil, "version", "-v")
	if want := "ktls      " + kernelTLS(); !strings.Contains(got.stdout, want) {
		t.Errorf("lacks %q: %s", want, got.stdout)
	}
}

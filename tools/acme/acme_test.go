package acme

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hyperion builds the server.
func hyperion(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "hyperion")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "github.com/hyperion-server/hyperion/cmd/hyperion").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return bin
}

// A server is a running hyperion.
type server struct {
	https, redirect *url.URL
	errOut          *buffer
	stop            func()
}

func (s *server) port(u *url.URL) int {
	n, _ := strconv.Atoi(u.Port())
	return n
}

// serve starts hyperion and waits for its line that it listens.
func serve(t *testing.T, bin string, args ...string) *server {
	t.Helper()
	cmd := exec.Command(bin, append(args, "--port=0", "--log-format=json")...)
	s := &server{errOut: &buffer{}}
	cmd.Stderr = s.errOut
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := false
	s.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cmd.Process.Signal(syscall.SIGTERM)
		io.Copy(io.Discard, out)
		if err := cmd.Wait(); err != nil {
			t.Errorf("end of the server: %v: %s", err, s.errOut)
		}
	}
	t.Cleanup(func() { s.stop() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("%v: %s", err, s.errOut)
	}
	var boot struct{ URL, Redirect string }
	if err := json.Unmarshal([]byte(line), &boot); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	if s.https, err = url.Parse(boot.URL); err == nil {
		s.redirect, err = url.Parse(boot.Redirect)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// await waits until a text contains something.
func await(t *testing.T, b *buffer, what string, others ...*buffer) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !strings.Contains(b.String(), what); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			for _, o := range others {
				t.Log(o)
			}
			t.Fatalf("no %q in %s", what, b)
		}
	}
}

// get asks for a page by the name, at the server's address, and returns the certificate's number.
func (s *server) get(t *testing.T, a *authority, name string) string {
	t.Helper()
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: a.roots}, DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, s.https.Host)
		},
	}
	resp, err := (&http.Client{Transport: transport}).Get("https://" + name + "/hello")
	if err != nil {
		t.Fatalf("%v: %s", err, s.errOut)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || !bytes.Contains(body, []byte("Hello")) {
		t.Errorf("%q, %v", body, err)
	}
	return resp.TLS.PeerCertificates[0].SerialNumber.String()
}

// A certificate comes by each challenge, the chain is served whole, and the next start
// finds it in the cache.
func TestCertificates(t *testing.T) {
	bin := hyperion(t)
	t.Run("TLS-ALPN-01", func(t *testing.T) {
		a, cache := newAuthority(t), filepath.Join(t.TempDir(), "acme")
		args := append(a.flags(t), "--acme-name=one.example.com", "--acme-name=Two.Example.com", "--acme-cache", cache, "--acme-email=ann@example.com")
		s := serve(t, bin, args...)
		a.start(t, closedPort(t), s.port(s.https))
		for _, name := range []string{"one.example.com", "two.example.com"} {
			await(t, s.errOut, fmt.Sprintf(`"ACME: certificate","source":"hyperion","name":%q`, name), a.log)
		}
		serials := map[string]string{"one.example.com": s.get(t, a, "one.example.com"), "two.example.com": s.get(t, a, "TWO.example.com")}
		orders := strings.Count(a.log.String(), "Added order")
		s.stop()
		if info, err := os.Stat(cache); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%v, %v: the cache must be its owner's", info, err)
		}
		s = serve(t, bin, args...)
		for name, serial := range serials {
			if got := s.get(t, a, name); got != serial {
				t.Errorf("%s: certificate %s, want %s from the cache", name, got, serial)
			}
		}
		if n := strings.Count(a.log.String(), "Added order"); n != orders || orders != 2 {
			t.Errorf("the second start made orders: %s", a.log)
		}
		if _, err := tls.Dial("tcp", s.https.Host, &tls.Config{RootCAs: a.roots, ServerName: "three.example.com"}); err == nil {
			t.Error("a certificate for a name that was not asked for")
		}
	})
	t.Run("HTTP-01", func(t *testing.T) {
		a := newAuthority(t)
		s := serve(t, bin, append(a.flags(t), "--acme-name=one.example.com", "--acme-cache", t.TempDir(), "--http-redirect=0")...)
		a.start(t, s.port(s.redirect), closedPort(t))
		await(t, s.errOut, `"ACME: certificate"`, a.log)
		s.get(t, a, "one.example.com")
		if log := a.log.String(); !strings.Contains(log, "Attempting to validate w/ HTTP") {
			t.Errorf("not by HTTP-01: %s", log)
		}
		client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		resp, err := client.Get(s.redirect.String() + "/x?y")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := resp.Header.Get("Location"); resp.StatusCode != 308 || got != s.https.String()+"/x?y" {
			t.Errorf("%d %s, want a redirect to %s", resp.StatusCode, got, s.https)
		}
	})
	t.Run("failure", func(t *testing.T) { // is told, with the time of the next try
		a := newAuthority(t)
		s := serve(t, bin, append(a.flags(t), "--acme-name=one.example.com", "--acme-cache", t.TempDir())...)
		a.start(t, closedPort(t), closedPort(t))
		await(t, s.errOut, `"next_try_in":"1m30s"`, a.log)
		if log := s.errOut.String(); !strings.Contains(log, `"ACME: no certificate"`) || !strings.Contains(log, "one.example.com") {
			t.Errorf("log: %s", log)
		}
	})
}

// closedPort returns a port on which nobody listens.
func closedPort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

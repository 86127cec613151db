package goserver_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
)

// openssl runs s_client against addr, sends it input, and returns all that it prints.
func openssl(t *testing.T, addr, input string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("no openssl")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, append([]string{"s_client", "-connect", addr}, args...)...)
	cmd.Stdin = strings.NewReader(input)
	out, _ := cmd.CombinedOutput() // its status tells of certificates that it does not know
	return string(out)
}

// What a client of another make sees: versions, suites, protocols, names, resumption.
func TestTLS_openssl(t *testing.T) {
	cert, _ := certificate(t)
	var logged syncBuffer
	srv := &goserver.Server{
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}}, ErrorLog: log.New(&logged, "", 0),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Write([]byte("name " + r.TLS.ServerName + " path " + r.URL.Path))
		}),
	}
	addr := serveAsSet(t, srv)
	const get = "GET /p HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	for _, tc := range []struct {
		name, args string
		want       []string
		never      []string
	}{
		{"TLS 1.3", "-tls1_3 -ign_eof", []string{"TLSv1.3", "path /p"}, nil},
		{"TLS 1.2", "-tls1_2 -ign_eof", []string{"TLSv1.2", "path /p", "Secure Renegotiation IS supported"}, nil},
		{"TLS 1.1", "-tls1_1 -cipher DEFAULT@SECLEVEL=0 -ign_eof", nil, []string{"path /p"}},
		{"AES-256 in TLS 1.3", "-tls1_3 -ciphersuites TLS_AES_256_GCM_SHA384 -ign_eof", []string{"TLS_AES_256_GCM_SHA384", "path /p"}, nil},
		{"ChaCha20 in TLS 1.3", "-tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256 -ign_eof", []string{"TLS_CHACHA20_POLY1305_SHA256", "path /p"}, nil},
		{"ChaCha20 in TLS 1.2", "-tls1_2 -cipher ECDHE-ECDSA-CHACHA20-POLY1305 -ign_eof", []string{"ECDHE-ECDSA-CHACHA20-POLY1305", "path /p"}, nil},
		{"no forward secrecy", "-tls1_2 -cipher AES128-GCM-SHA256 -ign_eof", nil, []string{"path /p"}},
		{"RC4, 3DES", "-tls1_2 -cipher RC4:3DES:@SECLEVEL=0 -ign_eof", nil, []string{"path /p"}},
		{"ALPN http/1.1", "-alpn http/1.1 -ign_eof", []string{"ALPN protocol: http/1.1", "path /p"}, nil},
		{"ALPN h2 first", "-alpn h2,http/1.1", []string{"ALPN protocol: h2"}, nil},
		{"ALPN http/1.1 first", "-alpn http/1.1,h2", []string{"ALPN protocol: h2"}, nil}, // the server's order counts
		{"ALPN of nobody", "-alpn spdy/3", []string{"no application protocol"}, []string{"path /p"}},
		{"no ALPN", "-ign_eof", []string{"No ALPN negotiated", "path /p"}, nil},
		{"SNI", "-servername some.example -ign_eof", []string{"name some.example path /p"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out := openssl(t, addr, get, strings.Fields(tc.args)...)
			for _, want := range tc.want {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in:\n%s", want, out)
				}
			}
			for _, never := range tc.never {
				if strings.Contains(out, never) {
					t.Errorf("%q in:\n%s", never, out)
				}
			}
		})
	}

	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		t.Run("resumption "+version, func(t *testing.T) {
			session := filepath.Join(t.TempDir(), "session")
			if out := openssl(t, addr, get, version, "-ign_eof", "-sess_out", session); !strings.Contains(out, "New, TLS") {
				t.Fatalf("first:\n%s", out)
			}
			out := openssl(t, addr, get, version, "-ign_eof", "-sess_in", session)
			if !strings.Contains(out, "Reused, TLS") || !strings.Contains(out, "path /p") {
				t.Errorf("second:\n%s", out)
			}
		})
	}

	// An R makes s_client ask for renegotiation. It ends with the alert, or else never.
	t.Run("renegotiation", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		cmd := exec.CommandContext(ctx, "openssl", "s_client", "-connect", addr, "-tls1_2")
		in, err := cmd.StdinPipe()
		must(t, err)
		in.Write([]byte("R\n"))
		out, _ := cmd.CombinedOutput()
		if s := string(out); !strings.Contains(s, "RENEGOTIATING") || !strings.Contains(s, "unexpected message") {
			t.Errorf("%v:\n%s", ctx.Err(), out)
		}
	})
}

// What is no TLS on the port of TLS: HTTP is told so, anything else is closed, and no
// flood of it floods the log.
func TestTLS_notTLS(t *testing.T) {
	cert, _ := certificate(t)
	var logged syncBuffer
	srv := &goserver.Server{TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}}, ErrorLog: log.New(&logged, "", 0)}
	addr := serveAsSet(t, srv)
	methods := []string{"GET", "HEAD", "POST", "PUT", "OPTIONS", "PATCH", "DELETE", "TRACE", "CONNECT"}
	for _, method := range methods {
		conn, err := net.Dial("tcp", addr)
		must(t, err)
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(patience))
		conn.Write([]byte(method + " /path HTTP/1.1\r\nHost: x\r\n\r\n"))
		r := bufio.NewReader(conn)
		res, err := http.ReadResponse(r, &http.Request{Method: method})
		must(t, err)
		body := text(t, res)
		if res.StatusCode != 400 || strings.Contains(body, "TLS") == (method == "HEAD") || res.ContentLength != int64(len("This port speaks TLS: use https.\n")) || !res.Close {
			t.Errorf("%s: %v, %q, %v", method, res.Status, body, res.Header)
		}
		if n, err := r.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("%s: %d bytes follow, %v", method, n, err)
		}
	}
	for _, garbage := range []string{"\x00\x01\x02\x03\x04\x05\x06", "SSH-2.0-x\r\n", strings.Repeat("\xff", 100_000)} {
		conn, err := net.Dial("tcp", addr)
		must(t, err)
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(patience))
		conn.Write([]byte(garbage))
		if n, _ := conn.Read(make([]byte, 1)); n > 0 {
			t.Errorf("an answer to %.10q", garbage)
		}
	}
	poll(t, "the count", func() bool { return srv.Stats().TLSFailed == int64(len(methods))+3 })
	if n := bytes.Count([]byte(logged.String()), []byte("\n")); n == 0 || n > 10 {
		t.Errorf("%d lines:\n%s", n, logged.String())
	}
}

// Server.KTLS takes three words. What the system lacks is an error with "on" only.
func TestServer_KTLS(t *testing.T) {
	cert, _ := certificate(t)
	for _, tc := range []struct {
		ktls string
		want error
	}{
		{"maybe", goserver.ErrKTLSName},
		{goserver.KTLSOn, goserver.ErrKTLS},
	} {
		if tc.ktls == goserver.KTLSOn && goserver.KTLSSupported() == nil {
			continue
		}
		srv := &goserver.Server{KTLS: tc.ktls, TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}}}
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		if err := srv.ServeTLS(ln, "", ""); !errors.Is(err, tc.want) {
			t.Errorf("%q: %v, want %v", tc.ktls, err, tc.want)
		}
	}
}

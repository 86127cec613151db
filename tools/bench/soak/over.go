package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/hyperion-server/hyperion/tools/bench/load"
	"github.com/hyperion-server/hyperion/tools/internal/selfsigned"
)

// over is what the servers are asked over.
type over struct {
	scheme        string
	serve, server []string // further arguments of hyperion serve, and of tools/bench/server
	serverOnly    bool     // hyperion serve does not have what is asked for
	habits        []habit
	rate          int // connections of each habit a second
	client        *http.Client
	paths         []string // what run asks for in turn, a few seconds each
	counted       string   // what run counts
	run           func(ctx context.Context, addr, path string, cpu int, pids []int) (load.Result, error)
}

const timeout = 20 * time.Second

// slice is how long each path is asked for at a time.
const slice = 5 * time.Second

// paths are of what both servers have.
var paths = []string{"/static", "/direct", "/hello", "/files/" + bigFile}

// inClear is HTTP/1.1 without TLS.
var inClear = over{
	scheme: "http://", paths: paths, habits: habitsHTTP1, rate: perSecond, counted: "requests by wrk",
	client: &http.Client{Timeout: timeout, Transport: &http.Transport{DisableKeepAlives: true}},
	run: func(ctx context.Context, addr, path string, cpu int, pids []int) (load.Result, error) {
		return load.Wrk{URL: "http://" + addr + path, Conns: 64, Duration: slice, CPU: cpu}.Run(ctx, pids)
	},
}

// overTLS returns HTTP/2 over TLS, with a certificate that it makes in dir.
func overTLS(dir string) (*over, error) {
	cert, key, err := selfsigned.New()
	if err != nil {
		return nil, err
	}
	certFile, keyFile, openssl := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "openssl.cnf")
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cert)
	return &over{
		scheme: "https://", paths: paths, habits: habitsHTTP2, rate: perSecond, counted: "requests by h2load",
		serve:  []string{"--tls-cert", certFile, "--tls-key", keyFile},
		server: []string{"-cert", certFile, "-key", keyFile},
		client: &http.Client{Timeout: timeout, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots}}},
		run: func(ctx context.Context, addr, path string, cpu int, pids []int) (load.Result, error) {
			to, err := netip.ParseAddrPort(addr)
			if err != nil {
				return load.Result{}, err
			}
			return load.H2load{
				Target: load.Target{Addr: to, Path: path, Over: load.H2}, Conns: 32, Streams: 10, Duration: slice,
				Log: filepath.Join(dir, "h2load.log"), OpenSSL: openssl, CPU: cpu,
			}.Run(ctx, pids)
		},
	}, errors.Join(os.WriteFile(certFile, cert, 0o600), os.WriteFile(keyFile, key, 0o600), os.WriteFile(openssl, []byte(load.ClientTLS), 0o600))
}

// webSockets has WebSockets over what o is over; with http2 over that. Their load are the herds of the habits.
func (o over) webSockets(http2 bool) *over {
	var talked atomic.Int64
	w := way{http2: http2}
	if o.scheme == "https://" {
		w.tls = &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13} // who the server is has been checked by the watch
		o.rate = perSecond / 5
	}
	o.serverOnly, o.paths, o.habits, o.counted = true, []string{plainRoute}, habitsWebSocket(w, &talked), "messages that the herds got"
	o.run = func(ctx context.Context, _, _ string, _ int, _ []int) (load.Result, error) {
		<-ctx.Done()
		return load.Result{Requests: talked.Load()}, nil
	}
	return &o
}

package main

import (
	"crypto/x509"

	"github.com/hyperion-server/hyperion/tools/bench/load"
	"github.com/hyperion-server/hyperion/tools/internal/selfsigned"
)

// Files in the directory of the run.
const (
	certFile    = "cert.pem"
	keyFile     = "key.pem"
	opensslFile = "openssl.cnf" // of the load tools
)

// writeTLS makes the certificate that all servers have and what the load tools
// are told; it returns the certificate as roots for a client.
func writeTLS(dir string) (*x509.CertPool, error) {
	cert, key, err := selfsigned.New()
	if err != nil {
		return nil, err
	}
	for name, text := range map[string][]byte{certFile: cert, keyFile: key, opensslFile: []byte(load.ClientTLS)} {
		if err := write(dir, name, text); err != nil {
			return nil, err
		}
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cert)
	return roots, nil
}

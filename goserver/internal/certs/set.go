package certs

import (
	"crypto/tls"
	"errors"
	"slices"
	"strings"
)

// errNone is what a client gets that asks an empty set.
var errNone = errors.New("no certificate to show")

// A set is an index of certificates by name. It does not change.
type set struct {
	defaults []*tls.Certificate            // the first of all, and what stands beside it for other kinds of keys
	names    map[string][]*tls.Certificate // by lower-case DNS name, also "*.example.com"
}

func newSet(all []*tls.Certificate) *set {
	s := &set{names: map[string][]*tls.Certificate{}}
	for _, cert := range all {
		for _, name := range cert.Leaf.DNSNames {
			name = strings.ToLower(name)
			if !slices.Contains(s.names[name], cert) {
				s.names[name] = append(s.names[name], cert)
			}
		}
	}
	if len(all) == 0 {
		return s
	}
	s.defaults = all[:1]
	if names := all[0].Leaf.DNSNames; len(names) > 0 {
		s.defaults = s.names[strings.ToLower(names[0])] // all[0] leads it
	}
	return s
}

// find returns the certificates for a name: those that have it, else those with
// a wildcard in place of its first label (RFC 9525 §6.3), else nil.
func (s *set) find(name string) []*tls.Certificate {
	name = strings.ToLower(name)
	if found := s.names[name]; found != nil {
		return found
	}
	if dot := strings.IndexByte(name, '.'); dot > 0 {
		return s.names["*"+name[dot:]]
	}
	return nil
}

// choose returns the certificate for a client. Who asks for no name, or for
// an unknown one, gets the default. Of several the first is taken that the client
// can verify: so an ECDSA and an RSA certificate may stand side by side.
func (s *set) choose(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	found := s.find(hello.ServerName)
	if found == nil {
		found = s.defaults
	}
	switch len(found) {
	case 0:
		return nil, errNone
	case 1:
		return found[0], nil
	}
	anyName := *hello // what has none of its names is judged by the key alone
	anyName.ServerName = ""
	for _, cert := range found {
		if anyName.SupportsCertificate(cert) == nil {
			return cert, nil
		}
	}
	return found[0], nil
}

package certs

import (
	"errors"
	"fmt"
)

// What can be wrong with the files. A file that is missing or cannot be read has
// the error of package fs. Every error names its file.
var (
	ErrUnpaired      = errors.New("certificate and key must be given together")
	ErrNotRegular    = errors.New("not a regular file: expected one in PEM form")
	ErrTooLarge      = errors.New("the file is over 1 MiB")
	ErrBroken        = errors.New("PEM blocks of the file are cut off or damaged")
	ErrNoCertificate = errors.New("the file has no certificate (a PEM block CERTIFICATE)")
	ErrCertificate   = errors.New("the certificate cannot be parsed")
	ErrExpired       = errors.New("the certificate has expired")
	ErrNotYetValid   = errors.New("the certificate is not valid yet")
	ErrNoKey         = errors.New("the file has no private key (a PEM block PRIVATE KEY)")
	ErrKey           = errors.New("the private key cannot be parsed")
	ErrKeyEncrypted  = errors.New("the private key is encrypted; a server needs it without a passphrase")
	ErrKeyType       = errors.New("the private key is neither ECDSA, Ed25519 nor RSA")
	ErrKeyMismatch   = errors.New("the private key is not that of the certificate")
	ErrChainOrder    = errors.New("the server's certificate must come first, those of the authorities after it")
	ErrNoPairs       = errors.New("the directory has no certificate with its key: expected NAME.crt or NAME.pem with NAME.key, NAME.pem with both, or fullchain.pem with privkey.pem")
	ErrTooManyPairs  = fmt.Errorf("the directory has more than %d certificates", maxPairs)
)

// A PairError says which pair of files, and what is wrong with it.
type PairError struct {
	Pair Pair
	Err  error
}

func (e *PairError) Error() string { return "TLS certificate: " + e.Err.Error() }
func (e *PairError) Unwrap() error { return e.Err }

// inDir adds whose directory it is to an error.
func inDir(err error) error { return fmt.Errorf("directory of TLS certificates: %w", err) }

// inFile adds the file to an error.
func inFile(name string, err error) error { return fmt.Errorf("%s: %w", name, err) }

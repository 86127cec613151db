package certs

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const maxPairs = 10_000 // of a directory

// bundle are the names of a pair as certbot and others write them, in a
// directory for each certificate.
var bundle = Pair{"fullchain.pem", "privkey.pem"}

// scan finds the pairs of a directory, and of the directories in it one level
// down, sorted by name:
//
//   - NAME.crt or NAME.pem with NAME.key or NAME-key.pem beside it
//   - NAME.pem that has the key as well
//   - fullchain.pem with privkey.pem; nothing else is taken of their directory
//
// A certificate without a key is an error, except that of an authority, which is
// passed over, and so is a key alone. Names that start with a dot are not looked at.
func scan(dir string) (pairs []Pair, err error) {
	pairs, below, err := scanOne(dir)
	for _, name := range below {
		if err != nil {
			break
		}
		var more []Pair
		more, _, err = scanOne(filepath.Join(dir, name))
		pairs = append(pairs, more...)
	}
	switch {
	case err != nil:
		return nil, err
	case len(pairs) == 0:
		return nil, inFile(dir, ErrNoPairs)
	case len(pairs) > maxPairs:
		return nil, inFile(dir, ErrTooManyPairs)
	}
	return pairs, nil
}

// scanOne returns the pairs of one directory and the directories in it.
func scanOne(dir string) (pairs []Pair, below []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	files := map[string]bool{}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		info, err := os.Stat(filepath.Join(dir, e.Name())) // of what a link leads to
		switch {
		case err == nil && info.IsDir():
			below = append(below, e.Name())
		case err == nil && info.Mode().IsRegular() || err != nil && e.Type()&os.ModeSymlink != 0: // a link that leads nowhere fails when it is read
			files[e.Name()] = true
		}
	}
	if files[bundle.Cert] && files[bundle.Key] {
		return []Pair{{filepath.Join(dir, bundle.Cert), filepath.Join(dir, bundle.Key)}}, below, nil
	}
	for name := range files {
		if base, ok := certName(name); ok {
			pairs = append(pairs, Pair{filepath.Join(dir, name), keyBeside(dir, base, files)})
		}
	}
	pairs = slices.DeleteFunc(pairs, func(p Pair) bool { return p.Key == "" && isAuthority(p.Cert) })
	for i, p := range pairs {
		if p.Key == "" && strings.HasSuffix(p.Cert, ".pem") {
			pairs[i].Key = p.Cert
		}
	}
	slices.SortFunc(pairs, func(a, b Pair) int { return strings.Compare(a.Cert, b.Cert) })
	return pairs, below, nil
}

// certName returns NAME of a file that holds a certificate by its name.
func certName(file string) (base string, ok bool) {
	if base, ok = strings.CutSuffix(file, ".crt"); ok {
		return base, true
	}
	base, ok = strings.CutSuffix(file, ".pem")
	return base, ok && !strings.HasSuffix(base, "-key") && file != bundle.Key
}

// keyBeside returns the path of the key of NAME, "" if there is none.
func keyBeside(dir, base string, files map[string]bool) string {
	for _, key := range []string{base + ".key", base + "-key.pem"} {
		if files[key] {
			return filepath.Join(dir, key)
		}
	}
	return ""
}

// isAuthority reports whether a file has certificates, the first of an
// authority, and no key.
func isAuthority(file string) bool {
	text, err := readFile(file)
	if err != nil {
		return false
	}
	chain, err := parseChain(text)
	if err != nil || !chain[0].IsCA {
		return false
	}
	_, err = parseKey(text)
	return err != nil
}

// String names the files.
func (p Pair) String() string {
	if p.Cert == p.Key {
		return p.Cert
	}
	return fmt.Sprintf("%s, %s", p.Cert, p.Key)
}

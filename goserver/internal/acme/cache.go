package acme

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/acme/autocert"
)

// openCache makes the cache of one authority: what another one issued, such as one for
// tests, must not be served in its place.
func openCache(dir, authority string) (autocert.DirCache, error) {
	if dir == "" {
		return "", ErrNoCache
	}
	u, err := url.Parse(authority)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return "", fmt.Errorf("%q: %w", authority, ErrDirectory)
	}
	own := filepath.Join(dir, fileName(u.Host+u.Path))
	if err := os.MkdirAll(own, 0o700); err != nil {
		return "", fmt.Errorf("%w: %w", ErrCache, err)
	}
	probe, err := os.CreateTemp(own, "probe")
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrCache, err)
	}
	probe.Close()
	return autocert.DirCache(own), os.Remove(probe.Name())
}

// fileName returns s with what a file's name should not have replaced or left out.
func fileName(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '.', r == '-':
			return r
		}
		return '_'
	}, strings.TrimLeft(s, "."))
}

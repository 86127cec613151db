package tickets

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"
)

// What can be wrong with a file of keys.
var (
	ErrPermissions = errors.New("only the owner may write the file, only he and his group may read it (chmod 600)")
	ErrNotRegular  = errors.New("not a regular file")
	ErrFormat      = fmt.Errorf("expected lines of a time (RFC 3339), a blank and %d hexadecimal digits", 2*secretSize)
	ErrOrder       = errors.New("the newest key must come first")
	ErrNoKeys      = errors.New("the file has no key")
	ErrTooManyKeys = fmt.Errorf("the file has more than %d keys", maxKeys)
)

const (
	secretSize = 32 // bytes, of crypto/tls
	maxKeys    = 16 // of a file
	maxFile    = 16 << 10
	openToMore = 0o027 // permissions that a file must not give
)

// A key is one secret and the time it was made.
type key struct {
	made   time.Time // to the second
	secret [secretSize]byte
}

// read reads a file of keys: one a line, the newest first, which encrypts; blank
// lines and those that start with # are passed over.
func read(name string) ([]key, error) {
	text, err := readPrivate(name)
	var keys []key
	if err == nil {
		keys, err = parse(text)
	}
	switch path := (*fs.PathError)(nil); {
	case errors.As(err, &path): // has the name
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return keys, nil
}

// readPrivate reads a file that is not open to others. A pipe is never waited for.
func readPrivate(name string) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, ErrNotRegular
	case info.Mode().Perm()&openToMore != 0:
		return nil, fmt.Errorf("permissions %#o: %w", info.Mode().Perm(), ErrPermissions)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile))
}

func parse(text []byte) (keys []key, err error) {
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		k, err := parseLine(line)
		switch {
		case err != nil:
		case len(keys) == maxKeys:
			err = ErrTooManyKeys
		case len(keys) > 0 && k.made.After(keys[len(keys)-1].made):
			err = ErrOrder
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, ErrNoKeys
	}
	return keys, nil
}

func parseLine(line string) (k key, err error) {
	stamp, digits, _ := strings.Cut(line, " ")
	if k.made, err = time.Parse(time.RFC3339, stamp); err != nil || len(digits) != 2*secretSize {
		return k, ErrFormat
	}
	if _, err = hex.Decode(k.secret[:], []byte(digits)); err != nil {
		return k, ErrFormat
	}
	return k, nil
}

// format is the inverse of parse.
func format(keys []key) []byte {
	var b bytes.Buffer
	b.WriteString("# Keys of TLS session tickets, the newest first. Secret: who has one reads the sessions.\n")
	for _, k := range keys {
		fmt.Fprintf(&b, "%s %x\n", k.made.UTC().Format(time.RFC3339), k.secret)
	}
	return b.Bytes()
}

// missing reports whether a file is not there.
func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }

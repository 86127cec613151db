package static

import (
	"bytes"
	"strings"
)

// decode returns a path without percent-encoding, decoded once; ok is false
// when an escape is malformed or stands for a slash, which separates nothing
// (RFC 3986 §2.2) and is in no file's name.
func decode(path []byte) (decoded []byte, ok bool) {
	decoded = make([]byte, 0, len(path))
	for {
		i := bytes.IndexByte(path, '%')
		if i < 0 {
			return append(decoded, path...), true
		}
		if len(path) < i+3 {
			return nil, false
		}
		hi, lo := fromHex(path[i+1]), fromHex(path[i+2])
		b := hi<<4 | lo
		if hi|lo > 0xf || b == '/' {
			return nil, false
		}
		decoded = append(append(decoded, path[:i]...), b)
		path = path[i+3:]
	}
}

// fromHex returns the value of a hexadecimal digit, or 0xff.
func fromHex(b byte) byte {
	switch {
	case '0' <= b && b <= '9':
		return b - '0'
	case 'a' <= b|0x20 && b|0x20 <= 'f':
		return b | 0x20 - 'a' + 10
	}
	return 0xff
}

// name returns what a decoded path names in the root ("." for the root itself)
// and whether it ended with a slash. ok is false for what is never served.
func (s *Site) name(path string) (name string, slash, ok bool) {
	rest, ok := strings.CutPrefix(path, s.prefix)
	if !ok {
		return "", false, false
	}
	if rest == "" {
		return ".", true, true
	}
	name, slash = strings.CutSuffix(rest, "/")
	first := true
	for segment := range strings.SplitSeq(name, "/") {
		if !s.serves(segment, first) {
			return "", false, false
		}
		first = false
	}
	return name, slash, true
}

// key returns the path that leads to a name in the root.
func (s *Site) key(name string) string { return s.prefix + name }

// servesName reports whether a name in the root, "." for itself, may be asked for.
func (s *Site) servesName(name string) bool {
	if name == "." {
		return true
	}
	_, slash, ok := s.name(s.key(name))
	return ok && !slash
}

// serves reports whether a name in a directory may be asked for; first says
// that the directory is the root.
func (s *Site) serves(segment string, first bool) bool {
	switch {
	case segment == "", segment == ".", segment == "..":
		return false
	case strings.ContainsAny(segment, "\x00\\"):
		return false
	case segment[0] == '.':
		return s.options.Dotfiles || first && segment == ".well-known" // RFC 8615
	}
	return true
}

// appendEscaped appends a path with percent-encoding of all but unreserved
// characters (RFC 3986 §2.3) and slashes, so that it also fits into HTML and
// is a relative reference whatever it starts with.
func appendEscaped(dst []byte, path string) []byte {
	for i := range len(path) {
		switch b := path[i]; {
		case 'a' <= b|0x20 && b|0x20 <= 'z', '0' <= b && b <= '9', strings.IndexByte("-._~/", b) >= 0:
			dst = append(dst, b)
		default:
			dst = appendHex(dst, b)
		}
	}
	return dst
}

// appendQuery appends a query as it was sent, but for bytes that no URI has
// (RFC 3986 §3.4): those percent-encoded.
func appendQuery(dst, query []byte) []byte {
	for _, b := range query {
		if b <= ' ' || b >= 0x7f || strings.IndexByte("\"#<>[\\]^`{|}", b) >= 0 {
			dst = appendHex(dst, b)
		} else {
			dst = append(dst, b)
		}
	}
	return dst
}

func appendHex(dst []byte, b byte) []byte {
	const digits = "0123456789ABCDEF"
	return append(dst, '%', digits[b>>4], digits[b&0xf])
}

package direct

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
)

// Errors of a pattern by itself. They come wrapped with what is wrong in it.
var (
	ErrPatternSyntax = errors.New("goserver: bad pattern")
	ErrPatternMethod = errors.New("goserver: pattern has an unregistered method (RFC 9110 §16.1.1)")
)

// A pattern is the parsed form of "[METHOD ][HOST]/PATH".
type pattern struct {
	text   string
	method string // empty: any method
	host   string // in lower case; empty: any host
	segs   []segment
}

// A segment is what a pattern says between two slashes. Literals are decoded.
type segment struct {
	kind segmentKind
	text string // of a literal, or the name of a wildcard; empty for a multi without name
}

type segmentKind uint8

const (
	literal segmentKind = iota
	wild                // {name}: one segment
	multi               // {name...}, or nothing behind the last slash: all the rest, slashes included
	slash               // {$}: nothing behind the last slash
)

// parsePattern takes the syntax of http.ServeMux and refuses besides what
// could never match: unregistered methods, hosts with a port, bad escapes, and
// paths that are not clean.
func parsePattern(text string) (p pattern, err error) {
	p.text = text
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w: %q", err, text)
		}
	}()
	target := text
	if i := strings.IndexAny(text, " \t"); i >= 0 {
		p.method, target = text[:i], strings.TrimLeft(text[i:], " \t")
		if err := checkMethod(p.method); err != nil {
			return p, err
		}
	}
	i := strings.IndexByte(target, '/')
	if i < 0 {
		return p, fmt.Errorf("%w: no path: it starts with a slash", ErrPatternSyntax)
	}
	if p.host, err = parseHost(target[:i]); err != nil {
		return p, err
	}
	p.segs, err = parsePath(target[i+1:])
	return p, err
}

func checkMethod(name string) error {
	if _, ok := methods[name]; ok {
		return nil
	}
	if upper := strings.ToUpper(name); methods[upper] != "" {
		return fmt.Errorf("%w: %q, did you mean %q?", ErrPatternMethod, name, upper)
	}
	return fmt.Errorf("%w: %q", ErrPatternMethod, name)
}

// parseHost checks a host as it comes in a Host field (RFC 9110 §7.2), but
// without a port, because requests are compared without theirs.
func parseHost(host string) (string, error) {
	for i := range len(host) {
		c := host[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"#%/<>?@\^{|}`+"`", c) >= 0 {
			return "", fmt.Errorf("%w: %q in the host", ErrPatternSyntax, c)
		}
	}
	lower := strings.ToLower(host)
	if len(withoutPort([]byte(lower))) != len(lower) {
		return "", fmt.Errorf("%w: a port in the host", ErrPatternSyntax)
	}
	return lower, nil
}

// parsePath splits what follows the first slash.
func parsePath(path string) (segs []segment, err error) {
	for more := true; more; {
		var text string
		text, path, more = strings.Cut(path, "/")
		var seg segment
		switch {
		case text == "" && more, text == ".", text == "..":
			return nil, fmt.Errorf("%w: the path is not clean: %q between slashes", ErrPatternSyntax, text)
		case text == "":
			seg = segment{kind: multi}
		case strings.IndexByte(text, '{') >= 0:
			seg, err = parseWildcard(text)
		default:
			seg.text, err = url.PathUnescape(text)
		}
		switch {
		case err != nil:
			return nil, fmt.Errorf("%w: %v", ErrPatternSyntax, err)
		case more && seg.kind > wild:
			return nil, fmt.Errorf("%w: %s is not at the end", ErrPatternSyntax, text)
		}
		for _, s := range segs {
			if s.kind == wild && seg.kind != literal && s.text == seg.text {
				return nil, fmt.Errorf("%w: two wildcards have the name %q", ErrPatternSyntax, s.text)
			}
		}
		segs = append(segs, seg)
	}
	return segs, nil
}

func parseWildcard(text string) (segment, error) {
	if text[0] != '{' || text[len(text)-1] != '}' {
		return segment{}, fmt.Errorf("%q is neither a name nor one wildcard", text)
	}
	name := text[1 : len(text)-1]
	if name == "$" {
		return segment{kind: slash}, nil
	}
	seg := segment{kind: wild}
	if before, ok := strings.CutSuffix(name, "..."); ok {
		seg.kind, name = multi, before
	}
	if !isIdentifier(name) {
		return segment{}, fmt.Errorf("%q is no wildcard: its name is not an identifier", text)
	}
	seg.text = name
	return seg, nil
}

func isIdentifier(name string) bool {
	for i, r := range name {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return false
		}
	}
	return name != ""
}

// names returns the names of the pattern's wildcards, in order.
func (p *pattern) names() (names []string) {
	for _, s := range p.segs {
		if s.kind != literal && s.text != "" {
			names = append(names, s.text)
		}
	}
	return names
}

// exact reports whether the pattern's path is one path only.
func (p *pattern) exact() bool {
	for _, s := range p.segs {
		if s.kind == wild || s.kind == multi {
			return false
		}
	}
	return true
}

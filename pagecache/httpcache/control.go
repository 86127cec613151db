package httpcache

import (
	"strings"

	"golang.org/x/net/http/httpguts"
)

// seconds is a delta-seconds (RFC 9111 §1.2.2), or none.
type seconds int64

const (
	none    seconds = -1
	forever seconds = 1 << 31 // what larger values count as (RFC 9111 §1.2.2)
)

// A control holds the directives of Cache-Control (RFC 9111 §5.2, RFC 5861 §3, §4)
// that this cache acts on. An argument that names fields, as in private="Set-Cookie",
// is not looked at: the directive then counts for the whole response.
type control struct {
	noStore, noCache, private, public bool
	mustRevalidate, proxyRevalidate   bool
	onlyIfCached                      bool
	malformed                         bool // nothing else is to be relied on

	maxAge, sMaxAge, minFresh, maxStale seconds // none where there is no such directive
	whileRevalidate, ifError            seconds
}

// parseControl reads the values of all Cache-Control fields of a message.
func parseControl(values []string) control {
	c := control{maxAge: none, sMaxAge: none, minFresh: none, maxStale: none, whileRevalidate: none, ifError: none}
	for _, v := range values {
		c.read(v)
	}
	return c
}

// read reads one field's value: a list of tokens, each with an argument or not.
// At the first error it stops, since what follows may be part of it.
func (c *control) read(s string) {
	for {
		if s = strings.TrimLeft(s, " \t,"); s == "" { // empty elements: RFC 9110 §5.6.1.2
			return
		}
		n := tokenLen(s)
		name, rest := s[:n], s[n:]
		var arg string
		ok := n > 0
		if strings.HasPrefix(rest, "=") {
			arg, rest, ok = cutArgument(rest[1:])
		}
		rest = strings.TrimLeft(rest, " \t")
		if !ok || rest != "" && rest[0] != ',' {
			c.malformed = true
			return
		}
		c.set(name, arg)
		s = rest
	}
}

// set notes one directive. Those it does not know are ignored (RFC 9111 §5.2.3).
func (c *control) set(name, arg string) {
	switch strings.ToLower(name) {
	case "no-store":
		c.noStore = true
	case "no-cache":
		c.noCache = true
	case "private":
		c.private = true
	case "public":
		c.public = true
	case "must-revalidate":
		c.mustRevalidate = true
	case "proxy-revalidate":
		c.proxyRevalidate = true
	case "only-if-cached":
		c.onlyIfCached = true
	case "max-age":
		c.setSeconds(&c.maxAge, arg)
	case "s-maxage":
		c.setSeconds(&c.sMaxAge, arg)
	case "min-fresh":
		c.setSeconds(&c.minFresh, arg)
	case "max-stale":
		if arg == "" { // any age (RFC 9111 §5.2.1.2)
			arg = "2147483648"
		}
		c.setSeconds(&c.maxStale, arg)
	case "stale-while-revalidate":
		c.setSeconds(&c.whileRevalidate, arg)
	case "stale-if-error":
		c.setSeconds(&c.ifError, arg)
	}
}

// setSeconds notes a directive's argument. One that is no number, or that contradicts an
// earlier one, spoils the whole field (RFC 9111 §4.2.1 asks for no less than stale).
func (c *control) setSeconds(to *seconds, arg string) {
	n, ok := parseSeconds(arg)
	if !ok || *to != none && *to != n {
		c.malformed = true
		return
	}
	*to = n
}

// parseSeconds reads a delta-seconds.
func parseSeconds(s string) (n seconds, ok bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return none, false
		}
		n = min(n*10+seconds(s[i]-'0'), forever)
	}
	return n, s != ""
}

// cutArgument cuts a token or a quoted-string from the beginning of s. The
// quotes are taken off and escapes are left, as no argument that counts has one.
func cutArgument(s string) (arg, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		n := tokenLen(s)
		return s[:n], s[n:], n > 0
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return s[1:i], s[i+1:], true
		}
	}
	return "", "", false
}

// tokenLen returns how many bytes at the beginning of s can be of a token.
func tokenLen(s string) int {
	for i := range len(s) {
		if !httpguts.IsTokenRune(rune(s[i])) {
			return i
		}
	}
	return len(s)
}

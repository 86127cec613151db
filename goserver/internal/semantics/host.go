package semantics

import "bytes"

// SplitHost splits and checks uri-host [ ":" port ] (RFC 9110 §4.1, RFC 3986
// §3.2.2). An IP literal keeps its brackets.
func SplitHost(b []byte) (host, port []byte, ok bool) {
	i := 0
	if len(b) > 0 && b[0] == '[' {
		i = bytes.IndexByte(b, ']') + 1
		if i == 0 || !isIPv6(b[1:i-1]) {
			return nil, nil, false
		}
	} else {
		for i < len(b) && b[i] != ':' {
			n := regNameChar(b[i:])
			if n == 0 {
				return nil, nil, false
			}
			i += n
		}
	}
	host = b[:i]
	if i == len(b) {
		return host, nil, true
	}
	if b[i] != ':' || !isPort(b[i+1:]) {
		return nil, nil, false
	}
	return host, b[i+1:], true
}

// regNameChar returns the length of the character of a reg-name that b starts
// with: 1, 3 if it is percent-encoded, 0 if it is none.
func regNameChar(b []byte) int {
	switch {
	case Classes[b[0]]&regNameByte != 0:
		return 1
	case b[0] == '%' && len(b) >= 3 && Classes[b[1]]&Classes[b[2]]&HexByte != 0:
		return 3
	}
	return 0
}

// isPort reports whether b is empty or a port number.
func isPort(b []byte) bool {
	n := 0
	for _, c := range b {
		if Classes[c]&DigitByte == 0 {
			return false
		}
		if n = n*10 + int(c-'0'); n > 0xffff {
			return false
		}
	}
	return true
}

// isIPv6 reports whether b is an IPv6address (RFC 3986 §3.2.2). A zone is no
// part of it, since it means something to the sender only (RFC 6874 §4).
func isIPv6(b []byte) bool {
	groups, gap := 0, false
	if len(b) >= 2 && b[0] == ':' && b[1] == ':' {
		gap = true
		b = b[2:]
	}
	for len(b) > 0 {
		n := 0
		for n < len(b) && Classes[b[n]]&HexByte != 0 {
			n++
		}
		if n < len(b) && b[n] == '.' {
			groups += 2
			return isIPv4(b) && (groups == 8 && !gap || groups < 8 && gap)
		}
		if n == 0 || n > 4 {
			return false
		}
		groups++
		b = b[n:]
		switch {
		case len(b) == 0:
		case len(b) >= 2 && b[0] == ':' && b[1] == ':' && !gap:
			gap = true
			b = b[2:]
		case len(b) >= 2 && b[0] == ':' && b[1] != ':':
			b = b[1:]
		default:
			return false
		}
	}
	return groups == 8 && !gap || groups < 8 && gap
}

// isIPv4 reports whether b is an IPv4address (RFC 3986 §3.2.2).
func isIPv4(b []byte) bool {
	for octet := range 4 {
		n, value := 0, 0
		for n < len(b) && n < 3 && Classes[b[n]]&DigitByte != 0 {
			value = value*10 + int(b[n]-'0')
			n++
		}
		if n == 0 || value > 255 || n > 1 && b[0] == '0' {
			return false
		}
		b = b[n:]
		if octet < 3 {
			if len(b) == 0 || b[0] != '.' {
				return false
			}
			b = b[1:]
		}
	}
	return len(b) == 0
}

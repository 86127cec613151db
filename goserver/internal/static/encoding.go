package static

import (
	"bytes"

	"github.com/hyperion-server/hyperion/pagecache"
)

// preferred is the order of codings that a client likes equally.
var preferred = [...]pagecache.Coding{pagecache.Brotli, pagecache.Zstd, pagecache.Gzip}

// unlisted is the weight of a coding that Accept-Encoding does not name.
const unlisted = -1

// negotiate chooses one of the codings that there are for an Accept-Encoding
// field (RFC 9110 §12.5.3), nil for none. ok is false when the client takes none
// of them. Coded is better than not coded unless the client weighs otherwise.
func negotiate(accept []byte, there func(pagecache.Coding) bool) (best pagecache.Coding, ok bool) {
	if len(accept) == 0 {
		return pagecache.Identity, true
	}
	weights := parseEncodings(accept)
	identity := weights[pagecache.Identity]
	if identity == unlisted {
		identity = 1 // acceptable, but anything that is named is better
	}
	most := 0
	for _, coding := range preferred {
		if w := weights[coding]; w > most && there(coding) {
			best, most = coding, w
		}
	}
	if identity > most || most == 0 {
		return pagecache.Identity, identity > 0
	}
	return best, true
}

// parseEncodings returns the weight of each coding in thousandths.
func parseEncodings(accept []byte) (weights [pagecache.Codings]int) {
	for i := range weights {
		weights[i] = unlisted
	}
	rest := unlisted
	for len(accept) > 0 {
		var item []byte
		item, accept = cutList(accept)
		name, params, _ := bytes.Cut(item, []byte{';'})
		w := weight(params)
		switch name = bytes.TrimSpace(name); {
		case string(name) == "*":
			rest = w
		case equalFold(name, "gzip"), equalFold(name, "x-gzip"): // RFC 9110 §8.4.1.3
			weights[pagecache.Gzip] = w
		case equalFold(name, "br"):
			weights[pagecache.Brotli] = w
		case equalFold(name, "zstd"):
			weights[pagecache.Zstd] = w
		case equalFold(name, "identity"):
			weights[pagecache.Identity] = w
		}
	}
	for i := range weights {
		if weights[i] == unlisted {
			weights[i] = rest
		}
	}
	return weights
}

// cutList cuts the first member off a comma-separated list without quoted strings.
func cutList(list []byte) (item, rest []byte) {
	if i := bytes.IndexByte(list, ','); i >= 0 {
		return list[:i], list[i+1:]
	}
	return list, nil
}

// weight returns the parameter q in thousandths (RFC 9110 §12.4.2), 1000 when there
// is none, 0 when it is malformed.
func weight(params []byte) int {
	for len(params) > 0 {
		var p []byte
		p, params, _ = bytes.Cut(params, []byte{';'})
		p = bytes.TrimSpace(p)
		if len(p) >= 2 && p[0]|0x20 == 'q' && p[1] == '=' {
			return parseWeight(p[2:])
		}
	}
	return 1000
}

func parseWeight(v []byte) int {
	if len(v) == 0 || len(v) > 5 || v[0] != '0' && v[0] != '1' || len(v) > 1 && v[1] != '.' {
		return 0
	}
	w, unit := int(v[0]-'0')*1000, 100
	for i := 2; i < len(v); i++ {
		if v[i] < '0' || v[i] > '9' {
			return 0
		}
		w += int(v[i]-'0') * unit
		unit /= 10
	}
	return min(w, 1000)
}

// equalFold compares a field name or token with a lower-case one, without
// regard to ASCII case.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i := range len(lower) {
		x := b[i]
		if 'A' <= x && x <= 'Z' {
			x |= 0x20
		}
		if x != lower[i] {
			return false
		}
	}
	return true
}

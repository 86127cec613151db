package httpcache

import (
	"crypto/sha256"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

// overriding are request fields by which a proxy, or a client who plays one, tells
// an application that the URL, the host or the method is another than the
// request's. None is part of a request's URI, so that a response made by one would be
// served to those who did not send it. A request with one of them is passed
// on, unless the field is one of Options.KeyFields.
var overriding = []string{
	"Forwarded", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Proto", "X-Forwarded-Scheme",
	"X-Host", "X-Http-Method-Override", "X-Method-Override", "X-Original-Url", "X-Rewrite-Url",
}

// maxKey is the most bytes of a key. Requests with more are passed on.
const maxKey = 8 << 10

// appendKey appends the key of the request's URI:
//
//	target LF scheme "://" host LF [URL] { LF value { CR value } }
//
// The target comes first, so that a path is a prefix of its keys. It, the
// host and the query are taken as they were sent: whatever the handler can
// see differently has a key of its own. The URL is there when a
// middleware has made it another than the target. Then come the fields
// of Options.KeyFields. ok is false when the request must be passed on.
func appendKey(b []byte, r *http.Request, keyFields []string) (key []byte, ok bool) {
	target := r.RequestURI
	if !strings.HasPrefix(target, "/") {
		target = r.URL.RequestURI() // of absolute-form, or of a request made by hand
	}
	size := len(target) + len(r.Host)
	ok = clean(target) && clean(r.Host)
	b = append(append(b, target...), '\n')
	if r.TLS != nil {
		b = append(b, "https://"...)
	} else {
		b = append(b, "http://"...)
	}
	b = append(append(b, r.Host...), '\n')
	if rewritten(r) {
		b = append(b, r.URL.String()...)
	}
	for _, name := range keyFields {
		b = append(b, '\n')
		for _, v := range r.Header[name] {
			size += len(v)
			ok = ok && clean(v)
			b = append(append(b, v...), '\r')
		}
	}
	return b, ok && size <= maxKey
}

// clean reports whether s has none of the bytes that part a key. No server lets
// them through; keys do not rely on it.
func clean(s string) bool { return !strings.ContainsAny(s, "\r\n") }

// rewritten reports whether the URL is another than the target says.
func rewritten(r *http.Request) bool {
	path, query, found := strings.Cut(r.RequestURI, "?")
	u := r.URL
	return u.Scheme != "" || u.Host != "" || u.Fragment != "" || query != u.RawQuery || found != (u.ForceQuery || query != "") ||
		path != u.EscapedPath()
}

// overridden reports whether the request has an overriding field that is not
// part of its key.
func overridden(h http.Header, keyFields []string) bool {
	for _, name := range overriding {
		if len(h[name]) > 0 && !slices.Contains(keyFields, name) {
			return true
		}
	}
	return false
}

// maxVary is how many fields Vary may name in all responses of a URI together.
const maxVary = 8

// varyNames returns the canonical names of the request fields that Vary lists, sorted and
// each once. ok is false when no request can match (RFC 9111 §4.1), or when there are
// too many.
func varyNames(values []string) (names []string, ok bool) {
	for _, v := range values {
		for name := range strings.SplitSeq(v, ",") {
			name = textproto.CanonicalMIMEHeaderKey(strings.Trim(name, " \t"))
			if name == "" {
				continue
			}
			if tokenLen(name) != len(name) || name == "*" {
				return nil, false
			}
			if at, found := slices.BinarySearch(names, name); !found {
				names = slices.Insert(names, at, name)
			}
		}
		if len(names) > maxVary {
			return nil, false
		}
	}
	return names, true
}

// A variant is a digest of the request fields that select one of several responses, and
// of the generation of their index, so that variants of an index that is gone
// are never found again.
type variant [sha256.Size]byte

// variantOf returns the variant that a request selects. names has a line for each field.
func variantOf(names []byte, generation uint64, h http.Header) variant {
	var buf [512]byte
	b := buf[:0]
	for shift := 0; shift < 64; shift += 8 {
		b = append(b, byte(generation>>shift))
	}
	for len(names) > 0 {
		end := slices.Index(names, '\n')
		for _, v := range h[string(names[:end])] {
			b = append(appendNormal(b, string(names[:end]), v), '\r')
		}
		b = append(b, '\n')
		names = names[end+1:]
	}
	return sha256.Sum256(b)
}

// appendNormal appends a field's value in a form that is the same for values that
// mean the same by the field's specification (RFC 9111 §4.1). Of Accept-Encoding
// and Accept-Language neither case, order nor spaces matter; all others are
// taken as they are, for a handler may see any difference.
func appendNormal(b []byte, name, value string) []byte {
	if name != "Accept-Encoding" && name != "Accept-Language" {
		return append(b, value...)
	}
	var buf [16]string
	members := buf[:0]
	for m := range strings.SplitSeq(value, ",") {
		if m = strings.Trim(m, " \t"); m != "" {
			members = append(members, strings.ToLower(m))
		}
	}
	slices.Sort(members)
	for _, m := range members {
		for i := range len(m) {
			if m[i] != ' ' && m[i] != '\t' {
				b = append(b, m[i])
			}
		}
		b = append(b, ',')
	}
	return b
}

package static

import "strings"

// Rules of Cache-Control.
const (
	revalidate = "no-cache" // keep it, but ask each time
	hour       = "public, max-age=3600"
	forever    = "public, max-age=31536000, immutable"
)

// CacheControl is the default of Options.CacheControl: pages are asked for each
// time, files whose name has a fingerprint of their content are kept for
// good, and others for an hour.
func CacheControl(name string) string {
	switch ext := extension(name); {
	case ext == "html" || ext == "htm" || ext == "xhtml":
		return revalidate
	case fingerprinted(name):
		return forever
	}
	return hour
}

// fingerprinted reports whether a bundler has put a hash of the content into the
// name, as in app.3f9a1c2b.js, main.8d3f4b2c.chunk.css and app-BxY12abC.css. A hash that
// is not seen costs a question now and then; a word, date or number that is taken for
// one, an outdated file for a year. So the hash must be the last part of the name, of a
// length that bundlers give it and not databases, and letters and digits must alternate in it.
func fingerprinted(name string) bool {
	base := name[strings.LastIndexByte(name, '/')+1:]
	dot := strings.LastIndexByte(base, '.')
	if dot < 0 || !bundled[strings.ToLower(base[dot+1:])] {
		return false
	}
	parts := strings.FieldsFunc(base[:dot], func(r rune) bool { return r == '.' || r == '-' })
	for len(parts) > 1 && trailers[parts[len(parts)-1]] {
		parts = parts[:len(parts)-1]
	}
	if len(parts) < 2 || len(parts) >= 5 && len(parts[len(parts)-2]) == 4 { // a name alone, or a UUID
		return false
	}
	switch hash := parts[len(parts)-1]; len(hash) {
	case 8:
		return changes(hash, hexClass) >= 2 || changes(hash, alnumClass) >= 4 || changes(hash, upperClass) >= 2
	case 10, 12, 16, 20, 40, 64:
		return changes(hash, hexClass) >= 2
	}
	return false
}

// trailers are what bundlers put behind a hash.
var trailers = map[string]bool{"chunk": true, "bundle": true, "module": true, "min": true, "js": true, "css": true}

// bundled has the extensions of files that bundlers name.
var bundled = func() map[string]bool {
	m := make(map[string]bool)
	for _, ext := range strings.Fields("js mjs cjs css map json wasm svg png jpg jpeg gif webp avif ico woff woff2 ttf otf eot mp4 webm mp3 txt") {
		m[ext] = true
	}
	return m
}()

// changes counts the neighbours in s that are of different classes, or returns -1
// when one is of none.
func changes(s string, class func(byte) byte) (n int) {
	for i := range len(s) {
		k := class(s[i])
		if k == 0 {
			return -1
		}
		if i > 0 && k != class(s[i-1]) {
			n++
		}
	}
	return n
}

// The classes of characters in fingerprints: of hexadecimal ones, of those of
// upper-case letters and digits, and of those of all letters and digits. 0 is no class.

func hexClass(b byte) byte {
	if b > 'f' {
		return 0
	}
	return lowerOf(b)
}

func upperClass(b byte) byte {
	if k := alnumClass(b); k != 'a' {
		return k
	}
	return 0
}

func lowerOf(b byte) byte {
	if k := alnumClass(b); k != 'A' {
		return k
	}
	return 0
}

func alnumClass(b byte) byte {
	switch {
	case '0' <= b && b <= '9':
		return '0'
	case 'a' <= b && b <= 'z':
		return 'a'
	case 'A' <= b && b <= 'Z':
		return 'A'
	}
	return 0
}

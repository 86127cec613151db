package static

import (
	"path"
	"strings"
	"unicode/utf8"
)

// A media is what a file's name tells of its content.
type media struct {
	kind    string // the media type
	charset string // of its text; "" where the type has none or the content tells
	packed  bool   // is compressed in itself, so that a content coding gains nothing
}

// contentType returns the value of Content-Type.
func (m media) contentType() string {
	if m.charset == "" {
		return m.kind
	}
	return m.kind + "; charset=" + m.charset
}

// gains reports whether a content coding may make such content smaller.
func (m media) gains() bool {
	return m.kind != "" && !m.packed && m.kind != "application/octet-stream"
}

// mediaOf returns the media of a name; kind is "" when the name does not tell.
func mediaOf(name string) media {
	return mediaTypes[extension(name)]
}

// extension returns what follows the last dot of a name's last segment, in lower
// case; "" when there is none or nothing before it.
func extension(name string) string {
	base := path.Base(name)
	if i := strings.LastIndexByte(base, '.'); i > 0 {
		return strings.ToLower(base[i+1:])
	}
	return ""
}

// sniffLen is how many bytes of a file sniff wants.
const sniffLen = 512

// sniff tells plain text from bytes, for names that tell nothing. It never says
// HTML or anything else that a browser runs, because such a file may be an upload.
func sniff(start []byte) media {
	for _, b := range start {
		if b < ' ' && strings.IndexByte("\t\n\r\f\b\x1b", b) < 0 || b == 0x7f {
			return media{kind: "application/octet-stream"}
		}
	}
	if len(start) >= sniffLen {
		start = start[:len(start)-partialRune(start)]
	}
	if !utf8.Valid(start) {
		return media{kind: "text/plain"} // of an older charset: the browser may guess
	}
	return media{kind: "text/plain", charset: "utf-8"}
}

// partialRune returns how many bytes at the end of b start a character that is cut.
func partialRune(b []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if tail := b[len(b)-n:]; utf8.RuneStart(tail[0]) {
			if utf8.FullRune(tail) {
				return 0
			}
			return n
		}
	}
	return 0
}

// Media types by extension, from the IANA registry; where it has none, the
// name in common use. Text is taken to be UTF-8. JSON has no charset parameter
// (RFC 8259 §11), and XML tells its own.
var mediaTypes = func() map[string]media {
	m := make(map[string]media)
	gather := func(lines, charset string, packed bool) {
		for line := range strings.Lines(lines) {
			f := strings.Fields(line)
			for _, ext := range f[1:] {
				m[ext] = media{f[0], charset, packed}
			}
		}
	}
	gather(textTypes, "utf-8", false)
	gather(plainTypes, "", false)
	gather(packedTypes, "", true)
	return m
}()

// Lines of a type and its extensions.
const textTypes = `text/html html htm shtml
text/css css
text/javascript js mjs cjs
text/plain txt text asc log conf cfg ini diff patch tex sh bash zsh py rb pl go c h cc cpp hpp cxx rs java kt swift tsx jsx scss sass less lua sql rst adoc toml env bat ps1 in am m4 mk cmake proto properties nfo me readme
text/markdown md markdown
text/csv csv
text/tab-separated-values tsv
text/calendar ics ifb
text/vcard vcf vcard
text/vtt vtt
`

const plainTypes = `application/json json map topojson
application/geo+json geojson
application/ld+json jsonld
application/manifest+json webmanifest
application/feed+json jsonfeed
application/schema+json jsonschema
application/x-ndjson ndjson jsonl
application/xhtml+xml xhtml xht
application/vnd.apple.mpegurl m3u8
audio/x-mpegurl m3u
application/dash+xml mpd
application/xml xml xsl xsd rng
application/xslt+xml xslt
application/atom+xml atom
application/rss+xml rss
application/rdf+xml rdf
application/xml-dtd dtd
application/mathml+xml mathml
application/gpx+xml gpx
application/vnd.google-earth.kml+xml kml
application/yaml yaml yml
application/wasm wasm
application/rtf rtf
application/postscript ps eps ai
application/msword doc
application/vnd.ms-excel xls
application/vnd.ms-powerpoint ppt
application/vnd.ms-fontobject eot
application/x-tar tar
application/x-ns-proxy-autoconfig pac
application/pgp-signature sig
application/pgp-keys pgp
application/pem-certificate-chain pem
application/pkix-cert crt cer
application/x-shockwave-flash swf
application/sparql-query rq
application/trig trig
application/n-triples nt
text/turtle ttl
application/octet-stream bin dat img iso dmg exe dll msi so o a pkg
application/graphql graphql gql
font/ttf ttf
font/otf otf
font/collection ttc
image/svg+xml svg
image/bmp bmp
image/vnd.microsoft.icon ico cur
image/x-portable-pixmap ppm
image/x-xbitmap xbm
model/gltf+json gltf
model/obj obj
model/stl stl
audio/midi mid midi
`

const packedTypes = `application/gzip gz tgz
application/zstd zst
application/x-brotli br
application/x-xz xz txz
application/x-bzip2 bz2 tbz
application/x-lzma lzma
application/x-7z-compressed 7z
application/vnd.rar rar
application/zip zip
application/java-archive jar war ear
application/vnd.android.package-archive apk
application/vnd.debian.binary-package deb udeb
application/x-rpm rpm
application/epub+zip epub
application/pdf pdf
application/vnd.openxmlformats-officedocument.wordprocessingml.document docx
application/vnd.openxmlformats-officedocument.spreadsheetml.sheet xlsx
application/vnd.openxmlformats-officedocument.presentationml.presentation pptx
application/vnd.oasis.opendocument.text odt
application/vnd.oasis.opendocument.spreadsheet ods
application/vnd.oasis.opendocument.presentation odp
application/vnd.oasis.opendocument.graphics odg
application/vnd.google-earth.kmz kmz
application/ogg ogx
font/woff woff
font/woff2 woff2
image/png png
image/apng apng
image/jpeg jpg jpeg jpe jfif
image/gif gif
image/webp webp
image/avif avif
image/heic heic
image/heif heif
image/jxl jxl
image/jp2 jp2
image/tiff tif tiff
image/vnd.adobe.photoshop psd
audio/mpeg mp3
audio/aac aac
audio/mp4 m4a
audio/ogg ogg oga
audio/opus opus
audio/flac flac
audio/wav wav
audio/webm weba
video/mp4 mp4 m4v
video/webm webm
video/ogg ogv
video/mpeg mpeg mpg
video/mp2t ts m2ts
video/quicktime mov
video/x-msvideo avi
video/x-matroska mkv
video/3gpp 3gp
video/x-flv flv
model/gltf-binary glb
model/vnd.usdz+zip usdz
`

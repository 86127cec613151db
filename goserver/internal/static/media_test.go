package static

import (
	"mime"
	"strings"
	"testing"
)

func TestMediaOf(t *testing.T) {
	for name, want := range map[string]string{
		"a.html": "text/html; charset=utf-8", "A.HTML": "text/html; charset=utf-8", "a.b.css": "text/css; charset=utf-8", "x/a.js": "text/javascript; charset=utf-8", "a.mjs": "text/javascript; charset=utf-8",
		"a.json": "application/json", "a.svg": "image/svg+xml", "a.wasm": "application/wasm", "a.woff2": "font/woff2", "a.webp": "image/webp", "a.avif": "image/avif", "a.ico": "image/vnd.microsoft.icon",
		"a.tar.gz": "application/gzip", "a.pdf": "application/pdf", "a.txt": "text/plain; charset=utf-8", "a.md": "text/markdown; charset=utf-8", "a.xml": "application/xml", "a.mp4": "video/mp4",
		"a.webmanifest": "application/manifest+json", "a.ts": "video/mp2t", "a.map": "application/json",
		"a": "", ".html": "", "a.": "", "a.unknown": "", "a.html/b": "",
	} {
		if got := mediaOf(name).contentType(); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestMediaTypes_areWellFormed(t *testing.T) {
	if len(mediaTypes) < 200 {
		t.Errorf("%d extensions", len(mediaTypes))
	}
	for ext, m := range mediaTypes {
		kind, params, err := mime.ParseMediaType(m.contentType())
		if err != nil || kind != m.kind || params["charset"] != m.charset || ext != strings.ToLower(ext) || strings.Contains(ext, ".") {
			t.Errorf("%q: %q: %v", ext, m.contentType(), err)
		}
	}
	// No extension stands in two lines, of which one would be lost.
	n := 0
	for line := range strings.Lines(textTypes + plainTypes + packedTypes) {
		n += len(strings.Fields(line)) - 1
	}
	if n != len(mediaTypes) {
		t.Errorf("%d extensions are listed, %d are known", n, len(mediaTypes))
	}
}

func TestSniff(t *testing.T) {
	long := strings.Repeat("a", sniffLen-1)
	for content, want := range map[string]string{
		"": "text/plain; charset=utf-8", "words\r\n\tand \x1b[1m": "text/plain; charset=utf-8", "日本": "text/plain; charset=utf-8",
		"<html><script>": "text/plain; charset=utf-8", // never what a browser runs
		"caf\xe9":        "text/plain", "\x00": "application/octet-stream", "\x7fELF": "application/octet-stream",
		long + "é"[:1]: "text/plain; charset=utf-8", // a character is cut
		long + "\xff":  "text/plain", "short é"[:7]: "text/plain",
	} {
		if got := sniff([]byte(content)).contentType(); got != want {
			t.Errorf("%.20q: %q, want %q", content, got, want)
		}
	}
}

package static

import (
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

var href = regexp.MustCompile(`<a href="([^"]*)">([^<]*)</a>`)

// links returns the targets of a listing's links and their text.
func links(body string) (to, text []string) {
	for _, m := range href.FindAllStringSubmatch(body, -1) {
		to, text = append(to, m[1]), append(text, html.UnescapeString(m[2]))
	}
	return to, text
}

// odd are names that break what does not escape them.
var odd = []string{
	"a b", "a%20b", "a&b;c", "<b>", `"quoted"`, "'single'", "a?b=c", "a#b", "x:y", "javascript:alert(1)", "ä ö", "日本", "a+b", "~", "%", "100%", "a=b&amp;c", "-", "a\nb", "\xff\xfe", "@", "a,b;c", "{}", "[]", "$x", "index.HTML", "c++", "$(x)", "`x`", "new\tline",
}

func TestSite_listing(t *testing.T) {
	files := map[string]string{"Dir/": "", "b dir/x.txt": "x", ".hidden": "h", ".well-known/x": "x", "back\\slash": "b"}
	for _, name := range odd {
		files[name] = "content of " + name
	}
	dir := tree(t, files)
	s, _ := site(t, dir, Options{Listing: true})
	a := ask(t, s, "GET /")
	a.expect(t, "listing", 200, "*", "Content-Type: text/html; charset=utf-8", "Cache-Control: no-cache", "ETag:")
	to, text := links(a.body)
	if len(to) != len(odd)+3 { // and three directories
		t.Errorf("%d links, want %d: %q", len(to), len(odd)+3, text)
	}
	if text[0] != ".well-known/" || text[1] != "b dir/" || text[2] != "Dir/" {
		t.Errorf("directories do not come first, in order: %q", text[:3])
	}
	base, err := url.Parse("http://host/")
	check(t, err)
	for i := range to[3:] {
		to, text := to[i+3], text[i+3]
		u, err := base.Parse(to) // as a browser does
		if err != nil || u.Host != "host" {
			t.Errorf("%q: %v, %v", to, u, err)
			continue
		}
		name := text
		if strings.ContainsRune(text, '\uFFFD') {
			name = "\xff\xfe"
		}
		ask(t, s, "GET "+u.EscapedPath()).expect(t, text, 200, "content of "+name)
	}
	for _, tag := range []string{"<b>", "javascript:", `"quoted"`} {
		if strings.Contains(strings.ReplaceAll(a.body, "javascript:alert(1)</a>", ""), tag) {
			t.Errorf("%s is not escaped", tag)
		}
	}
	below := ask(t, s, "GET /b%20dir/")
	if to, _ := links(below.body); len(to) != 2 || to[0] != "../" || to[1] != "x.txt" {
		t.Errorf("links of a directory below: %q", to)
	}
	if strings.Contains(a.body, `"../"`) {
		t.Error("the root leads up")
	}
	if ask(t, s, "HEAD /").status != 200 || ask(t, s, "GET /Dir").status != 301 {
		t.Error("HEAD or redirect")
	}
}

func TestSite_listingIsBounded(t *testing.T) {
	dir := tree(t, map[string]string{"a": "", "b": "", "c": ""})
	s, _ := site(t, dir, Options{Listing: true})
	for limit, want := range map[int]int{2: 2, 3: 3, 4: 3} {
		s.names = limit
		body := ask(t, s, "GET /").body
		if to, _ := links(body); len(to) != want || strings.Contains(body, "more names") != (limit < 3) {
			t.Errorf("limit %d: %d links", limit, len(to))
		}
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 1<<20 - 1: "1.0 MiB", 1 << 20: "1.0 MiB", 5 << 30: "5.0 GiB", 1 << 62: "4096.0 PiB"} {
		if got := size(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

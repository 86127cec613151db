package httpcache

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// with returns a control without directives, changed by f.
func with(f func(*control)) control {
	c := control{maxAge: none, sMaxAge: none, minFresh: none, maxStale: none, whileRevalidate: none, ifError: none}
	f(&c)
	return c
}

// RFC 9111 §5.2, §1.2.2; RFC 9110 §5.6.1.2, §5.6.4.
func TestParseControl(t *testing.T) {
	malformed := with(func(c *control) { c.malformed = true })
	for _, c := range []struct {
		values string // one a line
		want   control
	}{
		{"", with(func(*control) {})},
		{" , ,\t,", with(func(*control) {})},
		{"max-age=60", with(func(c *control) { c.maxAge = 60 })},
		{"MAX-Age=60", with(func(c *control) { c.maxAge = 60 })},
		{`max-age="60"`, with(func(c *control) { c.maxAge = 60 })},
		{"max-age=007", with(func(c *control) { c.maxAge = 7 })},
		{"max-age=2147483649", with(func(c *control) { c.maxAge = forever })},
		{"max-age=99999999999999999999999999", with(func(c *control) { c.maxAge = forever })},
		{"max-age=1,s-maxage=2 ,\tpublic", with(func(c *control) { c.maxAge, c.sMaxAge, c.public = 1, 2, true })},
		{"max-age=1\nno-store", with(func(c *control) { c.maxAge, c.noStore = 1, true })},
		{"max-age=1, max-age=1", with(func(c *control) { c.maxAge = 1 })},
		{`private="a, no-store"`, with(func(c *control) { c.private = true })},
		{`no-cache="Set-Cookie", x="\",private"`, with(func(c *control) { c.noCache = true })},
		{"x=y, z, must-revalidate", with(func(c *control) { c.mustRevalidate = true })},
		{"proxy-revalidate, only-if-cached", with(func(c *control) { c.proxyRevalidate, c.onlyIfCached = true, true })},
		{"max-stale", with(func(c *control) { c.maxStale = forever })},
		{"max-stale=5, min-fresh=6", with(func(c *control) { c.maxStale, c.minFresh = 5, 6 })},
		{"stale-while-revalidate=1, stale-if-error=2", with(func(c *control) { c.whileRevalidate, c.ifError = 1, 2 })},
		{"max-age", malformed},
		{"max-age=", malformed},
		{"max-age=-1", malformed},
		{"max-age=+1", malformed},
		{"max-age=1.5", malformed},
		{"max-age=x", malformed},
		{`max-age=""`, malformed},
		{"max-age =1", malformed},
		{"max-age= 1", malformed},
		{"=", malformed},
		{"@", malformed},
		{`x="unclosed, private`, malformed},
		{`x="unclosed\"`, malformed},
		{"max-age=1, max-age=2", with(func(c *control) { c.maxAge, c.malformed = 1, true })},
		{"max-age=1; private", malformed},
		{"max-age=1 private", malformed},
		{"public\n;", with(func(c *control) { c.public, c.malformed = true, true })},
	} {
		if diff := cmp.Diff(c.want, parseControl(strings.Split(c.values, "\n")), cmp.AllowUnexported(control{})); diff != "" {
			t.Errorf("%q: want - got +\n%s", c.values, diff)
		}
	}
}

// Whatever the bytes: what forbids storing is found wherever it stands, unless the field
// is called malformed; and a directive more never takes one away.
func FuzzParseControl(f *testing.F) {
	for _, s := range []string{"max-age=60, public", `private="a,b", x="\""`, "max-age=1;x", "s-maxage=9999999999", ",,=,"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a := parseControl([]string{s})
		for _, n := range []seconds{a.maxAge, a.sMaxAge, a.minFresh, a.maxStale, a.whileRevalidate, a.ifError} {
			if n < none || n > forever {
				t.Fatalf("%q: %d seconds", s, n)
			}
		}
		b := parseControl([]string{s + ", no-store"})
		if !b.noStore && !b.malformed {
			t.Fatalf("%q hides no-store", s)
		}
		if a.private && !b.private || a.noCache && !b.noCache || a.malformed && !b.malformed {
			t.Fatalf("%q: %+v, with no-store %+v", s, a, b)
		}
		if c := parseControl([]string{s, "no-store"}); !c.noStore {
			t.Fatalf("%q hides a field after it", s)
		}
	})
}

package wirecase

import (
	"strings"
	"testing"
)

func TestUnescape(t *testing.T) {
	for in, want := range map[string]string{
		`a\r\n\t\\\x00\xfF`:           "a\r\n\t\\\x00\xff",
		`{repeat:3:ab}c`:              "abababc",
		`{repeat:2:{repeat:2:x}\r}{}`: "xx\rxx\r{}",
		`{repeat:0:ab}`:               "",
	} {
		if got, rest, err := unescape(in, false); string(got) != want || rest != "" || err != nil {
			t.Errorf("unescape(%q) = %q, %q, %v; want %q", in, got, rest, err, want)
		}
	}
	for _, in := range []string{`\`, `\q`, `\x1`, `\xgg`, `{repeat:x:a}`, `{repeat:3:a`, `{repeat:3`} {
		if got, _, err := unescape(in, false); err == nil {
			t.Errorf("unescape(%q) = %q, want an error", in, got)
		}
	}
}

func TestParseFileRefuses(t *testing.T) {
	const good = "## n\nRFC 9112 §3: x\n\n    > a\n    < 200 keep\n"
	if cases, err := parseFile("f", []byte(good)); err != nil || len(cases) != 1 || cases[0].Section != "RFC 9112 §3" {
		t.Fatalf("%v, %v", cases, err)
	}
	for _, replace := range []string{"> a", "< 200 keep", "RFC 9112 §3", "keep", "200"} {
		if cases, err := parseFile("f", []byte(strings.Replace(good, replace, "", 1))); err == nil {
			t.Errorf("without %q: %v, want an error", replace, cases)
		}
	}
}

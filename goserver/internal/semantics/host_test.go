package semantics

import (
	"math/rand/v2"
	"net/netip"
	"testing"
)

// TestIPv6 compares isIPv6 with net/netip, on all texts of up to five of the
// pieces of an address and on random longer ones.
func TestIPv6(t *testing.T) {
	pieces := []string{":", "::", "0", "a1:", "FFFF", "12345", "g", "1.2.3.4", "256.1.1.1", "1.2.3", "01.2.3.4", ""}
	valid := 0
	try := func(s string) {
		addr, err := netip.ParseAddr(s)
		want := err == nil && addr.Is6()
		if got := isIPv6([]byte(s)); got != want {
			t.Fatalf("isIPv6(%q) = %v", s, got)
		}
		if want {
			valid++
		}
	}
	var build func(s string, depth int)
	build = func(s string, depth int) {
		try(s)
		if depth > 0 {
			for _, p := range pieces {
				build(s+p, depth-1)
			}
		}
	}
	build("", 4)
	for range 100_000 {
		s := ""
		for range 4 + rand.IntN(6) {
			s += pieces[rand.IntN(4)] + []string{"", "1", "1:"}[rand.IntN(3)]
		}
		try(s)
	}
	if valid < 1000 {
		t.Errorf("only %d of the texts were addresses", valid)
	}
}

func TestSplitHost(t *testing.T) {
	for in, want := range map[string][2]string{
		"a":           {"a", ""},
		"a:":          {"a", ""},
		"a:80":        {"a", "80"},
		"a:65535":     {"a", "65535"},
		"[::1]":       {"[::1]", ""},
		"[::1]:8080":  {"[::1]", "8080"},
		"a%2Db.c_d":   {"a%2Db.c_d", ""},
		"":            {"", ""},
		":80":         {"", "80"},
		"a:000000080": {"a", "000000080"},
	} {
		host, port, ok := SplitHost([]byte(in))
		if !ok || string(host) != want[0] || string(port) != want[1] {
			t.Errorf("SplitHost(%q) = %q, %q, %v", in, host, port, ok)
		}
	}
	for _, in := range []string{"a:65536", "a:x", "a:1:2", "a/b", "a b", "[]", "[", "[::1", "[::1]x", "[a]", "a%", "a%4", "a%zz", "é", "a@b", "[::1%eth0]"} {
		if host, port, ok := SplitHost([]byte(in)); ok {
			t.Errorf("SplitHost(%q) = %q, %q, want a refusal", in, host, port)
		}
	}
}

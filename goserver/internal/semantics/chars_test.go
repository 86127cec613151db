package semantics

import (
	"strings"
	"testing"
)

func TestControl(t *testing.T) {
	for c := range 256 {
		for at := range 20 {
			buf := []byte(strings.Repeat("~", at) + string([]byte{byte(c)}) + "\x80 \xff\x01!!!!!!!!")
			want := at
			if c >= ' ' && c != 0x7f {
				want = at + len("c\x80 \xff")
			}
			if got := Control(buf, 0); got != want {
				t.Fatalf("Control(%q) = %d, want %d", buf, got, want)
			}
		}
	}
	for n := range 20 {
		if got := Control([]byte(strings.Repeat("\xa0", n)), 0); got != n {
			t.Errorf("control of %d bytes without a control = %d", n, got)
		}
	}
}

// TestFoldEqual tries every byte that is not a control in every place.
func TestFoldEqual(t *testing.T) {
	for _, lower := range []string{"transfer-encoding", "100-continue"} {
		for i := range lower {
			for c := 0x20; c < 256; c++ {
				b := []byte(strings.ToUpper(lower))
				b[i] = byte(c)
				want := c == int(lower[i]) || c == int(strings.ToUpper(lower)[i])
				if FoldEqual(b, lower) != want {
					t.Errorf("FoldEqual(%q, %q) = %v", b, lower, !want)
				}
			}
		}
		if FoldEqual([]byte(lower[1:]), lower) || FoldEqual([]byte(lower+"x"), lower) {
			t.Errorf("%q is equal to a text of another length", lower)
		}
	}
}

func TestTrim(t *testing.T) {
	for in, want := range map[string]string{"": "", " \t ": "", " a\tb\t": "a\tb", "a": "a"} {
		if got := string(Trim([]byte(in))); got != want {
			t.Errorf("Trim(%q) = %q, want %q", in, got, want)
		}
	}
}

package direct

import (
	"strings"
	"testing"
)

func TestMethod(t *testing.T) {
	for name := range methods {
		buf := []byte(name)
		m, ok := Method(buf)
		if n := testing.AllocsPerRun(10, func() { Method(buf) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
		if clear(buf); m != name || !ok {
			t.Errorf("Method(%s) = %q, %v; want a constant", name, m, ok)
		}
		if m, ok := Method([]byte(strings.ToLower(name))); ok {
			t.Errorf("in lower case it is %q", m)
		}
	}
	for _, name := range []string{"", "*", "PRI", "BREW", "GETS", "GE"} {
		if m, ok := Method([]byte(name)); ok || m != "" {
			t.Errorf("Method(%q) = %q, %v; want unregistered", name, m, ok)
		}
	}
}

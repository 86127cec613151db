package cpu

import (
	"errors"
	"os"
	"slices"
	"testing"
)

func TestUnmet(t *testing.T) {
	UseOf("used").Note()
	for _, c := range []struct {
		env   string
		units []string
		met   bool
	}{
		{"", []string{"idle"}, true},
		{"used", []string{"used", "idle"}, true},
		{"idle", []string{"used"}, true},
		{"idle", []string{"used", "idle"}, false},
		{"used, idle", []string{"idle"}, false},
	} {
		if err := unmet(parse(c.env), c.units); (err == nil) != c.met || err != nil && !errors.Is(err, ErrNotUsed) {
			t.Errorf("%q with units %q: %v; want met: %v", c.env, c.units, err, c.met)
		}
	}
}

// A name that no unit has would never fail a run.
func TestRequireEnv_known(t *testing.T) {
	for _, name := range parse(os.Getenv(RequireEnv)) {
		if !slices.Contains(Names(), name) {
			t.Errorf("%s lists %q; the units are %q", RequireEnv, name, Names())
		}
	}
}

package cpu

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
)

// RequireEnv is the environment variable that lists units, separated by
// commas, whose native code a run of tests must have used. Without it a fast
// path can stop being taken, and every test still passes.
const RequireEnv = "HYPERION_REQUIRE_NATIVE"

// ErrNotUsed is a unit that RequireEnv lists and whose native code did not run.
var ErrNotUsed = errors.New("cpu: " + RequireEnv + " lists a unit whose native code did not run")

// A Use remembers whether a unit's native code ran in this process. All
// methods may be called at any time from any goroutine.
type Use struct{ noted atomic.Bool }

// Note is called beside each call of native code. It costs a load.
func (u *Use) Note() {
	if !u.noted.Load() {
		u.noted.Store(true)
	}
}

// Noted reports whether Note was called.
func (u *Use) Noted() bool { return u.noted.Load() }

var uses sync.Map // *Use by name of the unit

// UseOf returns the one Use of a unit. Ask once and keep it.
func UseOf(unit string) *Use {
	u, _ := uses.LoadOrStore(unit, new(Use))
	return u.(*Use)
}

// Unmet returns an error that wraps ErrNotUsed for each of units that RequireEnv
// lists and whose Use is not noted. TestMain calls it after the tests of a
// package that hands work to these units.
func Unmet(units ...string) error { return unmet(parse(os.Getenv(RequireEnv)), units) }

func unmet(required setting, units []string) (err error) {
	for _, name := range units {
		if !slices.Contains(required, name) || UseOf(name).Noted() {
			continue
		}
		why := "nothing called it"
		if on, reason := Enabled(name); !on {
			why = reason
		}
		err = errors.Join(err, fmt.Errorf("%w: %s: %s", ErrNotUsed, name, why))
	}
	return err
}

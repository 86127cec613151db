package setting

import (
	"errors"
	"fmt"
	"sort"
	"strings"

	"github.com/spf13/pflag"
)

// Prefix starts the name of every variable.
const Prefix = "HYPERION_"

// Name returns the variable that mirrors a flag: HYPERION_MAX_CONNS for max-conns.
func Name(flag string) string {
	return Prefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// otherOf is the annotation of a flag that only sets another one.
const otherOf = "other-of"

// Negate defines --no-NAME, which switches the flag NAME off. It has no
// variable of its own.
func Negate(fs *pflag.FlagSet, name string, target *bool) {
	f := fs.VarPF(&Switch{Target: target, Inverse: true}, "no-"+name, "", "")
	f.NoOptDefVal = "true"
	f.Hidden = true
	f.Annotations = map[string][]string{otherOf: {name}}
}

// Alias defines another name, not in the help, for the flag NAME. It has no variable
// of its own.
func Alias(fs *pflag.FlagSet, alias, name string) {
	f := fs.VarPF(fs.Lookup(name).Value, alias, "", "")
	f.Hidden = true
	f.Annotations = map[string][]string{otherOf: {name}}
}

// Apply sets each flag that was not given from its variable, if that is there
// and not empty; commas separate the items of a List. Its error tells of every variable with a bad value.
func Apply(fs *pflag.FlagSet, environ []string) error {
	vars := Vars(environ)
	given := map[string]bool{}
	fs.VisitAll(func(f *pflag.Flag) {
		if f.Changed {
			given[f.Name] = true
			for _, other := range f.Annotations[otherOf] {
				given[other] = true
			}
		}
	})
	var errs []error
	fs.VisitAll(func(f *pflag.Flag) {
		value := vars[Name(f.Name)]
		if value == "" || given[f.Name] || f.Annotations[otherOf] != nil {
			return
		}
		if err := set(f, value); err != nil {
			errs = append(errs, fmt.Errorf("%s=%q: %w", Name(f.Name), value, err))
		}
	})
	return errors.Join(errs...)
}

func set(f *pflag.Flag, value string) error {
	if _, ok := f.Value.(*List); !ok {
		return f.Value.Set(value)
	}
	for item := range strings.SplitSeq(value, ",") {
		if err := f.Value.Set(strings.TrimSpace(item)); err != nil {
			return err
		}
	}
	return nil
}

// Names returns the variables of the flags of a set.
func Names(fs *pflag.FlagSet) (names []string) {
	fs.VisitAll(func(f *pflag.Flag) {
		if f.Annotations[otherOf] == nil {
			names = append(names, Name(f.Name))
		}
	})
	return names
}

// Vars returns Hyperion's variables among environ ("NAME=value" lines).
func Vars(environ []string) map[string]string {
	vars := map[string]string{}
	for _, line := range environ {
		if name, value, ok := strings.Cut(line, "="); ok && strings.HasPrefix(name, Prefix) {
			vars[name] = value
		}
	}
	return vars
}

// Unknown returns, sorted, the variables of environ that are not known.
func Unknown(environ []string, known map[string]bool) (names []string) {
	for name := range Vars(environ) {
		if !known[name] {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

// Package cpu tells the native units what they may use: the instruction sets
// of this machine, as feature bits, and whether the operator or the build has
// switched a unit off.
//
// A unit asks once, when its package is initialised:
//
//	var on, why = cpu.Enabled("unmask")
//	var useAVX2 = on && cpu.X86HasAVX2
//
// Under the build tag purego every feature bit is the constant false, so that
// the branches behind it vanish. Without cgo the bits tell the truth, but no
// unit is enabled.
package cpu

import "strings"

// A Unit is what `hyperion version -v` says about one unit: its name, the
// variant in use, and, when that is the portable one, the reason.
type Unit struct {
	Name    string
	Variant string
	Reason  string // empty when the unit is on
}

// Generic is the Variant of a unit that runs portable code.
const Generic = "generic"

// Names returns the C units that exist, in the order of native's folders.
func Names() (names []string) {
	for _, u := range units {
		names = append(names, u.name)
	}
	return names
}

// Units returns this package's own row, whose Variant lists the feature bits
// that are set, followed by one row for each of Names.
func Units() []Unit {
	rows := []Unit{self()}
	for _, name := range Names() {
		u := Unit{Name: name, Variant: "native"}
		if on, why := Enabled(name); !on {
			u.Variant, u.Reason = Generic, why
		}
		rows = append(rows, u)
	}
	return rows
}

func self() Unit {
	var set []string
	for _, f := range features() {
		if f.has {
			set = append(set, f.name)
		}
	}
	if set == nil {
		return Unit{Name: "cpu", Variant: Generic, Reason: noFeatures}
	}
	return Unit{Name: "cpu", Variant: strings.Join(set, "+")}
}

type feature struct {
	name string
	has  bool
}

func features() []feature {
	return []feature{
		{"sse4.2", X86HasSSE42},
		{"avx2", X86HasAVX2},
		{"avx512", X86HasAVX512},
		{"neon", ARM64HasNEON},
	}
}

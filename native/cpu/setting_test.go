package cpu

import (
	"errors"
	"slices"
	"testing"
)

func TestSetting(t *testing.T) {
	for _, c := range []struct {
		value, unit string
		on          bool
		why         string
	}{
		{"", "unmask", true, ""},
		{"on", "unmask", true, ""},
		{"off", "unmask", false, "HYPERION_NATIVE says off"},
		{"-unmask", "unmask", false, "HYPERION_NATIVE says -unmask"},
		{"-huffman", "unmask", true, ""},
		{"unmask,-huffman", "huffman", false, "HYPERION_NATIVE says -huffman"},
		{"unmask,-huffman", "unmask", true, ""},
		{"off,unmask", "unmask", true, ""},
		{"off,unmask", "huffman", false, "HYPERION_NATIVE says off"},
		{"unmask,off", "unmask", false, "HYPERION_NATIVE says off"},
		{"-unmask,on", "unmask", true, ""},
		{" , off ,, ", "unmask", false, "HYPERION_NATIVE says off"},
	} {
		on, why := parse(c.value).enabled(&unit{name: c.unit})
		if on != c.on || why != c.why {
			t.Errorf("%q: enabled(%q) = %v, %q; want %v, %q", c.value, c.unit, on, why, c.on, c.why)
		}
	}
}

func TestSetting_offByDefault(t *testing.T) {
	u := &unit{name: "unmask", off: "no gain"}
	for _, c := range []struct {
		value string
		on    bool
		why   string
	}{
		{"", false, "no gain"},
		{"huffman", false, "no gain"},
		{"unmask", true, ""},
		{"on", true, ""},
		{"on,-unmask", false, "HYPERION_NATIVE says -unmask"},
	} {
		if on, why := parse(c.value).enabled(u); on != c.on || why != c.why {
			t.Errorf("%q: enabled = %v, %q; want %v, %q", c.value, on, why, c.on, c.why)
		}
	}
}

func TestSetting_unknown(t *testing.T) {
	names := []string{"huffman", "unmask"}
	for _, ok := range []string{"", "on", "off", "unmask", "-huffman", "off,unmask"} {
		if err := parse(ok).check(names); err != nil {
			t.Errorf("%q: %v", ok, err)
		}
	}
	for _, bad := range []string{"unmsk", "-unmsk", "off,x", "OFF", "--unmask", "-off"} {
		if err := parse(bad).check(names); !errors.Is(err, ErrUnknownUnit) {
			t.Errorf("%q: error %v, want ErrUnknownUnit", bad, err)
		}
	}
}

func TestEnabled_build(t *testing.T) {
	on, why := Enabled("unmask")
	if whyNotBuilt != "" && (on || why != whyNotBuilt) {
		t.Errorf("Enabled = %v, %q; want off because %q", on, why, whyNotBuilt)
	}
	if on != (why == "") {
		t.Errorf("Enabled = %v, %q; want a reason exactly when off", on, why)
	}
}

func TestUnits(t *testing.T) {
	units := Units()
	var names []string
	for _, u := range units {
		names = append(names, u.Name)
		if u.Variant == "" || (u.Variant == Generic) != (u.Reason != "") {
			t.Errorf("%+v: want a variant, and a reason exactly when it is %q", u, Generic)
		}
	}
	if want := append([]string{"cpu"}, Names()...); !slices.Equal(names, want) {
		t.Errorf("units %q, want %q", names, want)
	}
}

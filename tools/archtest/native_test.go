package archtest

import (
	"path"
	"slices"
	"testing"

	"github.com/hyperion-server/hyperion/native/cpu"
)

// The folders of native are the units that cpu knows, and cpu itself.
func TestNativeUnits(t *testing.T) {
	var folders, units []string
	eachFile(t, func(name string, _ []byte) {
		dir := path.Dir(name)
		if unit := path.Base(dir); path.Dir(dir) == "native" && !slices.Contains(folders, unit) {
			folders = append(folders, unit)
		}
	}, ".go")
	for _, u := range cpu.Units() {
		units = append(units, u.Name)
	}
	slices.Sort(folders)
	slices.Sort(units)
	if !slices.Equal(folders, units) {
		t.Errorf("native has the folders %q, cpu knows %q", folders, units)
	}
}

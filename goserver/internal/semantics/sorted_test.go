package semantics

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestSorted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := make(http.Header)
		most := rapid.SampledFrom([]int{3, SortedRoom, 3 * SortedRoom}).Draw(t, "most")
		for _, name := range rapid.SliceOfN(rapid.StringMatching(`(Trailer:)?[A-C\x00\xff]{0,10}`), 0, most).Draw(t, "names") {
			h[name] = []string{name, "x"}
		}
		prefix := rapid.SampledFrom([]string{"", http.TrailerPrefix}).Draw(t, "prefix")
		var want []string
		for _, name := range slices.Sorted(maps.Keys(h)) {
			if strings.HasPrefix(name, prefix) {
				want = append(want, name)
			}
		}
		var got []string
		var room [SortedRoom]Line
		for _, l := range Sorted(room[:0], h, prefix) {
			got = append(got, l.Name)
			if d := cmp.Diff(h[l.Name], l.Values); d != "" {
				t.Errorf("%q has other values: %s", l.Name, d)
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("-want +got\n%s", d)
		}
	})
}

package hpack

import "testing"

// In steady state nothing is allocated: not by new entries, which drive out old
// ones, nor by values that are not indexed.
func TestEncoder_allocs(t *testing.T) {
	for _, varying := range []bool{false, true} {
		r, e, i := newResponse(), NewEncoder(), 0
		e.SetIndexVarying(varying)
		out := make([]byte, 0, 4096)
		encode := func() {
			r.turn(i)
			i++
			out = e.AppendBegin(out[:0])
			for j := range r.fields {
				out = e.AppendString(out, r.fields[j].name, r.fields[j].value, Index)
			}
			out = e.AppendField(out, HeaderField{Name: []byte("x-name"), Value: []byte("value")})
		}
		for range 200 {
			encode()
		}
		if n := testing.AllocsPerRun(200, encode); n != 0 {
			t.Errorf("IndexVarying %v: %v allocations a block", varying, n)
		}
	}
}

func TestDecoder_allocs(t *testing.T) {
	for _, n := range []int{3, 25, 100} {
		blocks, d := xblocks(n), NewDecoder(DefaultTableSize)
		var arena []byte
		var fields []HeaderField
		decode := func() {
			d.table.setMax(0)
			d.table.setMax(DefaultTableSize)
			for _, block := range blocks {
				var err error
				if arena, fields, err = d.Decode(arena[:0], fields[:0], block); err != nil {
					t.Fatal(err)
				}
			}
		}
		for range 20 {
			decode()
		}
		if got := testing.AllocsPerRun(50, decode); got != 0 {
			t.Errorf("%d fields: %v allocations a connection", n, got)
		}
	}
}

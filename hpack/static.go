package hpack

import "slices"

// staticEntry is an entry of the static table (RFC 7541 appendix A).
// staticTable has them by index. For the hash of each of their names,
// staticFirst has the index of the first entry of that name; those that follow
// it with the same name are its further ones.
type staticEntry struct{ name, value string }

// staticFields are the entries as Decode returns them.
var staticFields = func() (fields [staticLen + 1]HeaderField) {
	for i, e := range staticTable {
		fields[i] = HeaderField{Name: slices.Clip([]byte(e.name)), Value: slices.Clip([]byte(e.value))}
	}
	return fields
}()

// staticIndex returns the index of the first entry with this name, 0 if there
// is none.
func staticIndex(name string) int {
	n := len(name)
	if n == 0 {
		return 0
	}
	key := uint32(n) | uint32(name[0])<<8 | uint32(name[n/2])<<16 | uint32(name[n-1])<<24
	i := int(staticFirst[key*staticHashFactor>>(32-staticHashBits)])
	if staticTable[i].name != name {
		return 0
	}
	return i
}

// staticMatch returns the index of the entry with this name and value, 0 if
// there is none. The entries of the name start at first.
func staticMatch(first int, name, value string) int {
	for i := first; i <= staticLen && staticTable[i].name == name; i++ {
		if staticTable[i].value == value {
			return i
		}
	}
	return 0
}

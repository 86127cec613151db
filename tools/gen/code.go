package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

const (
	symbols = 256 // octets; the symbol after them is EOS
	maxBits = 30  // of a code
)

// A code is one line of Appendix B.
type code struct {
	symbol int
	value  uint32 // aligned to its lowest bit
	bits   int
}

// parseCodes reads Appendix B, and returns the codes by symbol.
func parseCodes(text string) (codes []code, err error) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		var c code
		if _, err := fmt.Sscanf(line, "%d %x %d\n", &c.symbol, &c.value, &c.bits); err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		if c.symbol != len(codes) {
			return nil, fmt.Errorf("%q: want symbol %d", line, len(codes))
		}
		codes = append(codes, c)
	}
	if len(codes) != symbols+1 {
		return nil, fmt.Errorf("%d symbols, want %d", len(codes), symbols+1)
	}
	return codes, checkCanonical(codes)
}

// ordered returns the codes by their bits, those of the same length by symbol.
func ordered(codes []code) []code {
	return slices.SortedFunc(slices.Values(codes), func(a, b code) int {
		return cmp.Or(cmp.Compare(a.bits, b.bits), cmp.Compare(a.symbol, b.symbol))
	})
}

// checkCanonical checks what the decoders build on: counted upwards in the
// order above, each code follows from the one before, and none is left over.
func checkCanonical(codes []code) error {
	next, bits := uint64(0), 0
	for _, c := range ordered(codes) {
		if c.bits < bits || c.bits > maxBits {
			return fmt.Errorf("symbol %d: %d bits", c.symbol, c.bits)
		}
		next <<= c.bits - bits
		bits = c.bits
		if uint64(c.value) != next {
			return fmt.Errorf("symbol %d: code %x, the canonical one is %x", c.symbol, c.value, next)
		}
		next++
	}
	if next != 1<<bits {
		return fmt.Errorf("the last code is %x, which leaves codes over", next-1)
	}
	return nil
}

// stepBits is how many bits a step of the decoders looks at: 12 find most pairs
// of letters and digits, and the table has 16 KiB.
const stepBits = 12

// Layout of an entry of the step table. An entry of 0 says that the code is
// longer than a step.
const (
	shiftBits   = 0 // bits of all symbols; the other fields have 8 bits too
	shiftFirst  = 8 // bits of the first symbol, and 128 if there is a second
	shiftSymbol = 16
	shiftSecond = 24
)

// steps returns the step table.
func steps(codes []code) (table [1 << stepBits]uint32) {
	var at [1 << stepBits]*code // the code that a step's bits start with
	for i := range codes {
		c := &codes[i]
		if c.bits > stepBits {
			continue
		}
		spare := stepBits - c.bits
		for low := range 1 << spare {
			at[int(c.value)<<spare|low] = c
		}
	}
	for i := range table {
		first := at[i]
		if first == nil {
			continue
		}
		entry := uint32(first.symbol)<<shiftSymbol | uint32(first.bits)<<shiftFirst
		bits := first.bits
		rest := i << first.bits & (1<<stepBits - 1)
		if second := at[rest]; second != nil && first.bits+second.bits <= stepBits {
			entry |= uint32(second.symbol)<<shiftSecond | 0x80<<shiftFirst
			bits += second.bits
		}
		table[i] = entry | uint32(bits)<<shiftBits
	}
	return table
}

// A length is what decodes the codes of one length over stepBits.
type length struct {
	bits  int
	limit uint64 // above the last code of this length, both aligned to the highest of 32 bits
	first uint32 // the first code of this length, aligned to the lowest bit
	base  int    // where its symbols start in longSymbols
}

// lengths returns the lengths over stepBits, shortest first, and the symbols
// of their codes in order. EOS is last, as symbol 0.
func lengths(codes []code) (table []length, longSymbols []byte) {
	for _, c := range ordered(codes) {
		if c.bits <= stepBits {
			continue
		}
		if n := len(table); n == 0 || table[n-1].bits != c.bits {
			table = append(table, length{bits: c.bits, first: c.value, base: len(longSymbols)})
		}
		table[len(table)-1].limit = uint64(c.value+1) << (32 - c.bits)
		longSymbols = append(longSymbols, byte(c.symbol))
	}
	return table, longSymbols
}

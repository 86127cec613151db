package semantics

import (
	"bytes"
	"math"
)

// ParseLength parses the value of a Content-Length field (RFC 9110 §8.6).
func ParseLength(v []byte) (int64, error) {
	if len(v) == 0 {
		return 0, ErrLengthSyntax
	}
	for _, c := range v {
		if Classes[c]&DigitByte == 0 {
			return 0, ErrLengthSyntax
		}
	}
	var n int64
	for _, c := range v {
		d := int64(c - '0')
		if n > (math.MaxInt64-d)/10 {
			return 0, ErrLengthOverflow
		}
		n = n*10 + d
	}
	return n, nil
}

var comma = []byte{','}

// Expectations reads the value of one Expect field (RFC 9110 §10.1.1). Another
// expectation than 100-continue must be refused with ErrExpectation.
func Expectations(v []byte) (continues, other bool) {
	for more := true; more; {
		var expectation []byte
		expectation, v, more = bytes.Cut(v, comma)
		switch expectation = Trim(expectation); {
		case len(expectation) == 0:
		case FoldEqual(expectation, "100-continue"):
			continues = true
		default:
			other = true
		}
	}
	return continues, other
}

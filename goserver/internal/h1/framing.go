package h1

import (
	"bytes"

	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// FramingKind is how the end of a body is found.
type FramingKind uint8

// The ways in which a request body is framed (RFC 9112 §6.3).
const (
	NoBody        FramingKind = iota // neither field: the request ends with its head
	ContentLength                    // Framing.Length bytes
	ChunkedCoding                    // until the last chunk and the trailer section
)

// Framing says where a request ends.
type Framing struct {
	Kind   FramingKind
	Length int64 // bytes of content; 0 unless Kind is ContentLength
}

// Empty reports whether the request has no content: it has none declared, or
// none of its length.
func (f Framing) Empty() bool { return f.Kind != ChunkedCoding && f.Length == 0 }

// framingFields is all that a head says of its framing.
type framingFields struct {
	minor   int    // of the version
	lengths int    // how many Content-Length lines
	length  []byte // value of the last of them
	codings int    // how many Transfer-Encoding lines
	coding  []byte // value of the last of them
}

// decideFraming finds the framing of a request (RFC 9112 §6.3), whose content
// may have max bytes (negative: any number). It is the only place where that
// is decided.
//
// What two recipients could understand differently is refused. That includes
// some that a recipient may repair: Content-Length that is repeated with the
// same value, on lines of its own or as a list (RFC 9110 §8.6 allows to refuse
// it): no sender has a reason for it, and a recipient behind or before this
// one may look at another of the values. It includes empty members of the
// Transfer-Encoding list, which stand against §5.6.1.2 for the same reason.
func decideFraming(f *framingFields, max int64) (Framing, error) {
	switch {
	case f.codings == 0 && f.lengths == 0:
		return Framing{}, nil
	case f.codings > 0:
		if err := checkCoding(f); err != nil {
			return Framing{}, err
		}
		return Framing{Kind: ChunkedCoding}, nil
	case f.lengths > 1:
		return Framing{}, ErrLengthRepeated
	}
	n, err := semantics.ParseLength(f.length)
	if err == nil && max >= 0 && n > max {
		err = semantics.ErrBodyTooLarge
	}
	if err != nil {
		return Framing{}, err
	}
	return Framing{Kind: ContentLength, Length: n}, nil
}

// checkCoding refuses every Transfer-Encoding but a single "chunked"
// (RFC 9112 §6.1).
//
// A body whose last coding is not chunked has no end, which must be answered
// with 400 (§6.3), even where an unknown coding would by itself mean 501.
func checkCoding(f *framingFields) error {
	switch {
	case f.minor == 0:
		return ErrCodingHTTP10
	case f.lengths > 0:
		return ErrLengthWithCoding
	case f.codings > 1:
		return ErrCodingRepeated
	case semantics.FoldEqual(f.coding, "chunked"):
		return nil
	}
	chunked, last := false, false
	for rest, more := f.coding, true; more; {
		var coding []byte
		coding, rest, more = bytes.Cut(rest, comma)
		coding = semantics.Trim(coding)
		if !semantics.IsToken(coding) {
			return ErrCodingSyntax
		}
		last = semantics.FoldEqual(coding, "chunked")
		if last && chunked {
			return ErrCodingTwice
		}
		chunked = chunked || last
	}
	if !last {
		return ErrCodingNotChunked
	}
	return ErrCodingUnsupported // one before chunked
}

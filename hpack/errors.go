package hpack

import "errors"

// What Decode returns. After all but ErrListTooLong the dynamic table is no
// longer that of the peer's encoder: the connection must end with
// COMPRESSION_ERROR (RFC 9113 section 4.3).
var (
	// ErrListTooLong is a header list over SetMaxListSize. The block was
	// processed whole; the decoder can go on.
	ErrListTooLong = errors.New("hpack: header list over the limit")

	// ErrStringTooLong is a name or value over SetMaxStringLength.
	ErrStringTooLong = errors.New("hpack: string over the limit")

	// ErrTruncated is a block that ends within a representation.
	ErrTruncated = errors.New("hpack: block ends within a field")

	// ErrInteger is an integer over 32 bits, or one of more than five
	// octets after its prefix (RFC 7541 section 5.1).
	ErrInteger = errors.New("hpack: integer too large")

	// ErrIndex is the index 0, or one beyond both tables (sections 2.3.3 and 6.1).
	ErrIndex = errors.New("hpack: index of no entry")

	// ErrTableSize is a table size update over SetMaxTableSize (section 6.3).
	ErrTableSize = errors.New("hpack: table size update over the limit")

	// ErrTableSizePlace is a table size update behind a field (section 4.2).
	ErrTableSizePlace = errors.New("hpack: table size update not at the start of the block")

	// ErrTableSizeCount is more than two table size updates in a block (section 4.2).
	ErrTableSizeCount = errors.New("hpack: more than two table size updates")

	// ErrTableSizeMissing is a block without the update that a lowered
	// SetMaxTableSize asks for (section 4.2).
	ErrTableSizeMissing = errors.New("hpack: no table size update after the limit was lowered")

	// ErrHuffmanEOS is a string that contains the code of EOS (section 5.2).
	ErrHuffmanEOS = errors.New("hpack: EOS in a Huffman string")

	// ErrPaddingTooLong is more than 7 bits behind the last whole code (section 5.2).
	ErrPaddingTooLong = errors.New("hpack: Huffman padding of more than 7 bits")

	// ErrPaddingNotOnes is padding other than the start of EOS (section 5.2).
	ErrPaddingNotOnes = errors.New("hpack: Huffman padding not all ones")
)

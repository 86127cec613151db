package hpack

// Limits of a new Decoder.
const (
	DefaultMaxStringLength = 64 << 10 // octets
	DefaultMaxListSize     = 64 << 10 // octets, and 32 a field
)

// A Decoder decodes the header blocks of one direction of one connection, in
// their order. It is for one goroutine at a time.
type Decoder struct {
	table     table
	allowed   uint32 // what a table size update may ask for at most
	maxString int
	maxList   int
	lengths   []uint32 // of strings decoded ahead; made when first used
}

// NewDecoder returns a Decoder whose dynamic table has at most so many octets,
// which is the SETTINGS_HEADER_TABLE_SIZE that the peer knows of: 4096 until
// another one is acknowledged.
func NewDecoder(maxTableSize uint32) *Decoder {
	return &Decoder{
		table:     table{max: maxTableSize},
		allowed:   maxTableSize,
		maxString: DefaultMaxStringLength,
		maxList:   DefaultMaxListSize,
	}
}

// SetMaxStringLength limits a name or a value, decoded, to n octets. A longer
// one is ErrStringTooLong, which the connection does not survive; so this should
// be no less than what SetMaxListSize allows.
func (d *Decoder) SetMaxStringLength(n int) { d.maxString = n }

// SetMaxListSize limits a block's fields to n octets in all, of which each field
// counts 32 besides its own (RFC 9113 section 6.5.2). More is ErrListTooLong.
func (d *Decoder) SetMaxListSize(n int) { d.maxList = n }

// SetMaxTableSize changes what NewDecoder was given, when the peer has
// acknowledged another SETTINGS_HEADER_TABLE_SIZE. If the table may be larger
// than that now, the next block has to start with a table size update.
func (d *Decoder) SetMaxTableSize(n uint32) { d.allowed = n }

// Decode decodes one whole header block. It appends the octets of names and
// values to arena, and the fields to fields, and returns both.
//
// Names and values are slices of arena or of the static table, never of block
// or of the dynamic table. When arena has to grow, those before stay in its old
// memory, so all fields are good as long as the caller does not overwrite what
// it gave. Those of the static table must not be written to.
//
// With an error it returns the fields before it. After ErrListTooLong, which
// says that the block has more of them, the decoder is in step with the peer's
// encoder; after any other it is not, and must not be used again.
func (d *Decoder) Decode(arena []byte, fields []HeaderField, block []byte) ([]byte, []HeaderField, error) {
	r := reader{Decoder: d, rest: block, arena: arena, fields: fields, left: d.maxList}
	if err := r.tableSizeUpdates(); err != nil {
		return arena, fields, err
	}
	r.decodeAhead()
	err := r.list()
	return r.arena, r.fields, err
}

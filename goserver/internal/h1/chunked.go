package h1

import (
	"bytes"
	"cmp"
	"math"
	"strconv"

	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// Chunked decodes one body in chunked coding (RFC 9112 §7.1). The zero value
// is ready; it must not be used for a second body.
type Chunked struct {
	state    chunkState
	digits   int    // of the chunk size so far
	size     int64  // of the chunk; in its data: bytes to come
	total    int64  // of all chunks up to this one
	ext      int    // bytes of this chunk's extensions
	exts     int64  // bytes of all extensions
	section  []byte // the trailer section so far; owned
	line     int    // where its unfinished line starts
	lines    int    // finished field lines, dropped ones included
	trailers []direct.Field
}

// chunkState is what a Chunked expects next.
type chunkState uint8

const (
	inSize     chunkState = iota // digits of a chunk size
	inBadSpace                   // white space between size and ";"
	inExt                        // after the ";"
	inSizeLF                     // LF after the chunk size and its extensions
	inData                       // chunk data
	inDataCR                     // CR after the data
	inDataLF                     // LF after the data
	inTrailers                   // trailer section
	afterBody
)

// Next decodes the start of buf. data is content and aliases buf; n counts the
// bytes of buf that are used up, framing and data together; done says that
// they include the end of the body, and no further call is due. When neither
// data nor done nor err is set, all of buf is used up and more is needed.
//
// An error, always an *Error, comes without data, and comes again if Next is
// called again with the rest of buf. The content, the trailers and the error
// do not depend on how the input is cut into pieces.
func (d *Chunked) Next(buf []byte, lim *semantics.Limits) (data []byte, n int, done bool, err error) {
	for n < len(buf) && d.state != afterBody {
		used := 1
		switch d.state {
		case inData:
			if data != nil {
				return data, n, false, nil
			}
			data = d.take(buf[n:])
			used = len(data)
		case inTrailers:
			used, err = d.trailerLine(buf[n:], lim)
		default:
			err = d.framing(buf[n], lim)
		}
		if err != nil && data != nil {
			return data, n, false, nil
		}
		if err != nil {
			return nil, n, false, err
		}
		n += used
	}
	return data, n, d.state == afterBody, nil
}

// take takes the data of the current chunk that buf starts with.
func (d *Chunked) take(buf []byte) []byte {
	n := int(min(d.size, int64(len(buf))))
	if d.size -= int64(n); d.size == 0 {
		d.state = inDataCR
	}
	return buf[:n:n]
}

// framing takes one byte outside of data and trailers. On an error the state
// is as before, so that the byte can be offered again.
func (d *Chunked) framing(c byte, lim *semantics.Limits) error {
	switch d.state {
	case inSize:
		switch {
		case semantics.Classes[c]&semantics.HexByte != 0:
			return d.digit(c)
		case d.digits == 0:
			return badChunkByte(c, ErrChunkSize)
		case c == ';':
			return d.extension(inExt, lim)
		case c == ' ' || c == '\t':
			return d.extension(inBadSpace, lim)
		case c != '\r':
			return badChunkByte(c, ErrChunkSize)
		}
		d.state = inSizeLF
	case inBadSpace:
		switch c {
		case ' ', '\t':
			return d.extension(inBadSpace, lim)
		case ';':
			return d.extension(inExt, lim)
		}
		return badChunkByte(c, ErrChunkSize)
	case inExt:
		switch {
		case c == '\r':
			d.state = inSizeLF
		case c < ' ' && c != '\t' || c == 0x7f:
			return badChunkByte(c, ErrChunkExt)
		default:
			return d.extension(inExt, lim)
		}
	case inSizeLF:
		if c != '\n' {
			return ErrBareCR
		}
		return d.startChunk(lim)
	case inDataCR:
		if c != '\r' {
			return ErrChunkEnd
		}
		d.state = inDataLF
	case inDataLF:
		if c != '\n' {
			return ErrChunkEnd
		}
		d.state, d.digits, d.ext = inSize, 0, 0
	}
	return nil
}

// badChunkByte names the rule that a byte on the line of a chunk size breaks.
func badChunkByte(c byte, other *semantics.Error) error {
	if c == '\n' {
		return ErrBareLF
	}
	return other
}

// digit adds a digit to the chunk size. Leading zeros count, so that they
// cannot go on forever.
func (d *Chunked) digit(c byte) error {
	if d.digits == maxChunkDigits || d.size > math.MaxInt64>>4 {
		return ErrChunkSizeOverflow
	}
	v := c - '0'
	if v > 9 {
		v = c | 0x20 - 'a' + 10
	}
	d.digits++
	d.size = d.size<<4 | int64(v)
	return nil
}

// extension counts a byte of a chunk extension; extensions mean nothing here
// (RFC 9112 §7.1.1).
func (d *Chunked) extension(state chunkState, lim *semantics.Limits) error {
	switch {
	case d.ext == cmp.Or(lim.ChunkExtBytes, DefaultChunkExtBytes):
		return ErrChunkExtTooLong
	case d.exts >= chunkExtOverdraw && d.exts-chunkExtOverdraw >= d.total:
		return ErrChunkExtTotal
	}
	d.ext++
	d.exts++
	d.state = state
	return nil
}

// startChunk is called at the end of a line with a chunk size.
func (d *Chunked) startChunk(lim *semantics.Limits) error {
	switch {
	case d.size == 0:
		d.state = inTrailers
		return nil
	case lim.BodyBytes >= 0 && d.size > lim.BodyBytes-d.total:
		return semantics.ErrBodyTooLarge
	case d.size > math.MaxInt64-d.total:
		return ErrChunkSizeOverflow
	}
	d.total += d.size
	d.state = inData
	return nil
}

// trailerLine takes bytes of the trailer section, at most to the end of a
// line. It does not use up the end of a line that it refuses.
func (d *Chunked) trailerLine(buf []byte, lim *semantics.Limits) (n int, err error) {
	if len(d.section) == 0 && len(buf) >= 2 && buf[0] == '\r' && buf[1] == '\n' {
		d.state = afterBody
		return 2, nil
	}
	n = bytes.IndexByte(buf, '\n') + 1
	if n == 0 {
		n = len(buf)
	}
	if n > cmp.Or(lim.TrailerBytes, semantics.DefaultTrailerBytes)-len(d.section) {
		return 0, ErrTrailerTooLong
	}
	section := append(d.section, buf[:n]...)
	if section[len(section)-1] == '\n' {
		if err := d.endTrailerLine(section, lim); err != nil {
			return 0, err
		}
	}
	d.section = section
	return n, nil
}

// endTrailerLine reads the line that ends the trailer section so far.
func (d *Chunked) endTrailerLine(section []byte, lim *semantics.Limits) error {
	var f direct.Field
	_, err := fieldLine(section, d.line, &f)
	switch {
	case err != nil:
		return err
	case f.Name == nil:
		d.state = afterBody
		return nil
	case d.lines == lim.Fields:
		return ErrTooManyTrailers
	}
	d.line = len(section)
	d.lines++
	if !forbiddenTrailer(f.Name) {
		d.trailers = append(d.trailers, f)
	}
	return nil
}

// Trailers returns the trailer fields, in order, when Next has said done. They
// are copies and the caller's. Fields that must not be sent as trailers are
// dropped, not refused: trailers are kept apart from the header section, so
// nobody on this side acts on them, and the content before them is good; but
// whoever merges or forwards them must not meet a second Content-Length
// (RFC 9110 §6.5.1).
func (d *Chunked) Trailers() []direct.Field { return d.trailers }

// forbiddenTrailer reports whether a field of that name is for framing,
// routing, request modification, authentication or the content's format, and
// so means nothing in a trailer section (RFC 9110 §6.5.1).
func forbiddenTrailer(name []byte) bool {
	return len(name) >= len("if-") && semantics.FoldEqual(name[:len("if-")], "if-") ||
		forbiddenTrailers[string(bytes.ToLower(name))]
}

var forbiddenTrailers = map[string]bool{
	"accept": true, "accept-charset": true, "accept-encoding": true, "accept-language": true,
	"authorization": true, "cache-control": true, "connection": true, "content-encoding": true,
	"content-length": true, "content-range": true, "content-type": true, "cookie": true,
	"expect": true, "forwarded": true, "host": true, "http2-settings": true, "keep-alive": true,
	"max-forwards": true, "pragma": true, "proxy-authorization": true, "proxy-connection": true,
	"range": true, "te": true, "trailer": true, "transfer-encoding": true, "upgrade": true,
	"via": true, "x-forwarded-for": true, "x-forwarded-host": true, "x-forwarded-proto": true,
}

// AppendChunkHeader appends the line that starts a chunk of size bytes. After
// the data comes CRLF, and a chunk of size 0 ends the body.
func AppendChunkHeader(dst []byte, size int) []byte {
	dst = strconv.AppendInt(dst, int64(size), 16)
	return append(dst, "\r\n"...)
}

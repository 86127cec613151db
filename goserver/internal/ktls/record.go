package ktls

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
)

// Types of records (RFC 8446 §5.1).
const (
	TypeAlert           = 21
	TypeHandshake       = 22
	TypeApplicationData = 23
)

// HandshakeKeyUpdate is the type of a KeyUpdate message (RFC 8446 §4).
const HandshakeKeyUpdate = 24

// recordHeader is the length of a record's header, and maxRecord the longest
// record (RFC 8446 §5.2).
const (
	recordHeader = 5
	maxRecord    = recordHeader + 1<<14 + 256
)

// ErrRecord reports bytes that are no record of the keys and the sequence number
// at hand.
var ErrRecord = errors.New("ktls: record cannot be opened")

// A protection opens records made with one traffic secret.
type protection struct {
	aead cipher.AEAD
	iv   [ivLen]byte
}

func newProtection(s suite, secret []byte) (p protection, err error) {
	key, iv, err := s.keys(secret)
	if err != nil {
		return p, err
	}
	defer clear(key)
	copy(p.iv[:], iv)
	p.aead, err = s.aead(key)
	return p, err
}

// open appends the content of a record to dst and returns its type (RFC 8446
// §5.2). dst must not overlap the record.
func (p *protection) open(dst, record []byte, seq uint64) (content []byte, typ byte, err error) {
	if len(record) < recordHeader+1+tagLen {
		return nil, 0, ErrRecord
	}
	nonce := p.iv
	low := nonce[ivLen-8:]
	binary.BigEndian.PutUint64(low, binary.BigEndian.Uint64(low)^seq)
	content, err = p.aead.Open(dst, nonce[:], record[recordHeader:], record[:recordHeader])
	if err != nil {
		return nil, 0, ErrRecord
	}
	end := len(content)
	for end > len(dst) && content[end-1] == 0 { // padding
		end--
	}
	if end == len(dst) {
		return nil, 0, ErrRecord
	}
	return content[:end-1], content[end-1], nil
}

// nextRecord splits the first record off p; ok is false when p does not begin with
// a whole one.
func nextRecord(p []byte) (record, rest []byte, ok bool) {
	if len(p) < recordHeader {
		return nil, p, false
	}
	n := recordHeader + int(binary.BigEndian.Uint16(p[3:]))
	if n > maxRecord || n > len(p) {
		return nil, p, false
	}
	return p[:n], p[n:], true
}

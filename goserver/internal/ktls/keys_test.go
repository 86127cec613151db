package ktls

import (
	"bytes"
	"crypto/tls"
	"encoding/hex"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The server's side of RFC 8448 §3, Simple 1-RTT Handshake.
const (
	rfc8448Secret = "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643"
	rfc8448Key    = "9f02283b6c9c07efc26bb9f2ac92e356"
	rfc8448IV     = "cf782b88dd83549aadf1e984"
)

func TestKeys_RFC8448_3(t *testing.T) {
	s, err := suiteOf(tls.TLS_AES_128_GCM_SHA256)
	if err != nil {
		t.Fatal(err)
	}
	key, iv, err := s.keys(unhex(t, rfc8448Secret))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(key, unhex(t, rfc8448Key)) {
		t.Errorf("key %x, want %s", key, rfc8448Key)
	}
	if !bytes.Equal(iv, unhex(t, rfc8448IV)) {
		t.Errorf("iv %x, want %s", iv, rfc8448IV)
	}
}

// The records that the server sends in RFC 8448 §3 after its NewSessionTicket,
// which has the sequence number 0.
func TestOpen_RFC8448_3(t *testing.T) {
	for _, c := range []struct {
		name            string
		seq             uint64
		record, content string
		typ             byte
	}{
		{"application_data", 1, `17 03 03 00 43 2e 93 7e 11 ef 4a c7 40 e5 38 ad 36 00 5f c4 a4 69 32 fc 32 25 d0 5f
			82 aa 1b 36 e3 0e fa f9 7d 90 e6 df fc 60 2d cb 50 1a 59 a8 fc c4 9c 4b f2 e5 f0 a2 1c 00 47 c2
			ab f3 32 54 0d d0 32 e1 67 c2 95 5d`, `000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
			202122232425262728292a2b2c2d2e2f3031`, TypeApplicationData},
		{"close_notify", 2, `17 03 03 00 13 b5 8f d6 71 66 eb f5 99 d2 47 20 cf be 7e fa 7a 88 64 a9`, "0100", TypeAlert},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _ := suiteOf(tls.TLS_AES_128_GCM_SHA256)
			p, err := newProtection(s, unhex(t, rfc8448Secret))
			if err != nil {
				t.Fatal(err)
			}
			content, typ, err := p.open(nil, unhex(t, c.record), c.seq)
			if err != nil || typ != c.typ || !bytes.Equal(content, unhex(t, c.content)) {
				t.Errorf("opened type %d %x, %v; want type %d %s", typ, content, err, c.typ, c.content)
			}
			if _, _, err := p.open(nil, unhex(t, c.record), c.seq+1); err != ErrRecord {
				t.Errorf("with another sequence number: %v, want %v", err, ErrRecord)
			}
		})
	}
}

func TestKeys_refused(t *testing.T) {
	if _, err := suiteOf(tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256); err != ErrSuite {
		t.Errorf("suite of TLS 1.2: %v, want %v", err, ErrSuite)
	}
	s, _ := suiteOf(tls.TLS_AES_256_GCM_SHA384)
	if _, _, err := s.keys(make([]byte, 32)); err != ErrNoSecret {
		t.Errorf("secret of another length: %v, want %v", err, ErrNoSecret)
	}
}

func TestOpen_refused(t *testing.T) {
	s, _ := suiteOf(tls.TLS_AES_128_GCM_SHA256)
	p, err := newProtection(s, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	for _, record := range [][]byte{nil, {23, 3, 3, 0, 1, 0}, make([]byte, recordHeader+tagLen), p.seal(0, 0, nil)} {
		if _, _, err := p.open(nil, record, 0); err != ErrRecord {
			t.Errorf("open(%x): %v, want %v", record, err, ErrRecord)
		}
	}
	padded := p.seal(0, TypeAlert, []byte{1, 0}, 0, 0, 0)
	if content, typ, err := p.open(nil, padded, 0); err != nil || typ != TypeAlert || !bytes.Equal(content, []byte{1, 0}) {
		t.Errorf("padded record: type %d %x, %v", typ, content, err)
	}
}

// seal makes a record: the reverse of open.
func (p *protection) seal(seq uint64, typ byte, content []byte, padding ...byte) []byte {
	inner := append(append(bytes.Clone(content), typ), padding...)
	n := len(inner) + tagLen
	record := []byte{TypeApplicationData, 3, 3, byte(n >> 8), byte(n)}
	nonce := p.iv
	for i := range 8 {
		nonce[ivLen-1-i] ^= byte(seq >> (8 * i))
	}
	return p.aead.Seal(record, nonce[:], inner, record)
}

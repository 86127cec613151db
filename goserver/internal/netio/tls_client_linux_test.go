package netio

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net"
	"strings"
	"testing"
)

// Types of records and messages (RFC 8446 §5.1, §4).
const (
	typeAlert     = 21
	typeHandshake = 22
	typeData      = 23
	keyUpdate     = 24
)

// A recordClient speaks TLS 1.3 and makes its own records after the handshake; crypto/tls
// reads for it.
type recordClient struct {
	testClient
	t      *testing.T
	secret []byte // client_application_traffic_secret_N
	aead   cipher.AEAD
	iv     []byte
	seq    uint64
}

func (te *testEngine) dialRecords(t *testing.T) *recordClient {
	t.Helper()
	return te.dialRecordsOver(t, func(nc net.Conn) net.Conn { return nc })
}

// dialRecordsOver has crypto/tls read from what over returns for the TCP connection.
func (te *testEngine) dialRecordsOver(t *testing.T, over func(net.Conn) net.Conn) *recordClient {
	t.Helper()
	c := &recordClient{testClient: te.dial(), t: t}
	var log bytes.Buffer
	conf := testClientTLS()
	conf.MinVersion, conf.KeyLogWriter = tls.VersionTLS13, &log
	tc := tls.Client(over(c.tcp), conf)
	c.Conn = tc
	if err := tc.Handshake(); err != nil {
		t.Fatal(err)
	}
	if suite := tc.ConnectionState().CipherSuite; suite != tls.TLS_AES_128_GCM_SHA256 {
		t.Skipf("the client's first suite is %s", tls.CipherSuiteName(suite))
	}
	for line := range strings.Lines(log.String()) {
		if f := strings.Fields(line); f[0] == "CLIENT_TRAFFIC_SECRET_0" {
			c.secret, _ = hex.DecodeString(f[2])
		}
	}
	c.rekey()
	return c
}

func (c *recordClient) expand(label string, n int) []byte {
	label = "tls13 " + label
	info := string(binary.BigEndian.AppendUint16(nil, uint16(n))) + string(rune(len(label))) + label + "\x00"
	b, err := hkdf.Expand(sha256.New, c.secret, info, n)
	if err != nil {
		c.t.Fatal(err)
	}
	return b
}

func (c *recordClient) rekey() {
	block, err := aes.NewCipher(c.expand("key", 16))
	if err != nil {
		c.t.Fatal(err)
	}
	c.aead, _ = cipher.NewGCM(block)
	c.iv, c.seq = c.expand("iv", 12), 0
}

// record returns a record of content.
func (c *recordClient) record(typ byte, content string) []byte {
	inner := append([]byte(content), typ)
	head := []byte{typeData, 3, 3, 0, 0}
	binary.BigEndian.PutUint16(head[3:], uint16(len(inner)+c.aead.Overhead()))
	nonce := bytes.Clone(c.iv)
	for i := range 8 {
		nonce[4+i] ^= byte(c.seq >> (56 - 8*i))
	}
	c.seq++
	return append(head, c.aead.Seal(nil, nonce, inner, head)...)
}

// keyUpdate returns a KeyUpdate message, and takes the next keys.
func (c *recordClient) keyUpdate(request byte) []byte {
	r := c.record(typeHandshake, string([]byte{keyUpdate, 0, 0, 1, request}))
	c.secret = c.expand("traffic upd", 32)
	c.rekey()
	return r
}

// send sends records in one write.
func (c *recordClient) send(records ...[]byte) {
	c.t.Helper()
	if _, err := c.tcp.Write(bytes.Join(records, nil)); err != nil {
		c.t.Fatal(err)
	}
}

// want reads exactly that.
func (c *recordClient) want(text string) {
	c.t.Helper()
	b := make([]byte, len(text))
	if _, err := io.ReadFull(c.Conn, b); err != nil || string(b) != text {
		c.t.Fatalf("read %q, %v; want %q", b, err, text)
	}
}

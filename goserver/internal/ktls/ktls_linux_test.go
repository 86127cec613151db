package ktls

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// needKernel skips a test where the kernel has no TLS, unless the environment
// says that it must have.
func needKernel(t *testing.T) {
	t.Helper()
	err := Supported()
	if err == nil {
		return
	}
	if os.Getenv("HYPERION_REQUIRE_KTLS") != "" {
		t.Fatal(err)
	}
	t.Skip(err)
}

func TestSupported_saysWhy(t *testing.T) {
	if err := Supported(); err != nil && !errors.Is(err, ErrUnsupported) {
		t.Errorf("%v is no %v", err, ErrUnsupported)
	} else {
		t.Logf("Supported: %v", err)
	}
}

func descriptor(t *testing.T, c *net.TCPConn) int {
	t.Helper()
	f, err := c.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return int(f.Fd())
}

// peer opens what the kernel made.
type peer struct {
	t   *testing.T
	c   net.Conn
	p   protection
	seq uint64
}

func (p *peer) next() (typ byte, content []byte) {
	p.t.Helper()
	record := make([]byte, maxRecord)
	if _, err := io.ReadFull(p.c, record[:recordHeader]); err != nil {
		p.t.Fatal(err)
	}
	n := recordHeader + int(record[3])<<8 + int(record[4])
	if _, err := io.ReadFull(p.c, record[recordHeader:n]); err != nil {
		p.t.Fatal(err)
	}
	content, typ, err := p.p.open(nil, record[:n], p.seq)
	if err != nil {
		p.t.Fatal(err)
	}
	p.seq++
	return typ, content
}

func (p *peer) want(typ byte, content []byte) {
	p.t.Helper()
	var all []byte
	for len(all) < len(content) {
		gotTyp, part := p.next()
		if gotTyp != typ {
			p.t.Fatalf("record of type %d, want %d", gotTyp, typ)
		}
		all = append(all, part...)
	}
	if !bytes.Equal(all, content) {
		p.t.Errorf("content differs from the %d bytes sent", len(content))
	}
}

var kernelSuites = []uint16{tls.TLS_AES_128_GCM_SHA256, tls.TLS_AES_256_GCM_SHA384, tls.TLS_CHACHA20_POLY1305_SHA256}

// enabled returns a connection of which the kernel seals what is written.
func enabled(t *testing.T, suiteID uint16, seq uint64) (fd int, p *peer, secret []byte) {
	t.Helper()
	needKernel(t)
	s, err := suiteOf(suiteID)
	if err != nil {
		t.Fatal(err)
	}
	secret = make([]byte, s.hashLen)
	rand.Read(secret)
	keys, err := newProtection(s, secret)
	if err != nil {
		t.Fatal(err)
	}
	a, b := connected(t)
	fd = descriptor(t, a)
	if err := Enable(fd, tls.VersionTLS13, suiteID, secret, seq); err != nil {
		t.Fatal(err)
	}
	return fd, &peer{t, b, keys, seq}, secret
}

func TestEnable(t *testing.T) {
	for _, id := range kernelSuites {
		t.Run(tls.CipherSuiteName(id), func(t *testing.T) {
			fd, p, _ := enabled(t, id, 1<<33+7)
			for _, n := range []int{1, 2, 100, 1 << 14, 1<<14 + 1, 100 << 10} {
				data := make([]byte, n)
				rand.Read(data)
				wrote := make(chan error, 1)
				go func() { _, err := unix.Write(fd, data); wrote <- err }()
				p.want(TypeApplicationData, data)
				if err := <-wrote; err != nil {
					t.Fatal(err)
				}
			}
			for _, r := range []struct {
				typ     byte
				content []byte
			}{{TypeHandshake, []byte{HandshakeKeyUpdate, 0, 0, 1, 0}}, {TypeAlert, []byte{1, 0}}} {
				if err := SendRecord(fd, r.typ, r.content); err != nil {
					t.Fatal(err)
				}
				p.want(r.typ, r.content)
			}
		})
	}
}

func TestEnable_sendfile(t *testing.T) {
	fd, p, _ := enabled(t, tls.TLS_AES_128_GCM_SHA256, 0)
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data := make([]byte, 300<<10+17)
	rand.Read(data)
	if _, err := f.Write(data); err != nil {
		t.Fatal(err)
	}
	wrote := make(chan error, 1)
	go func() {
		var off int64
		for off < int64(len(data)) {
			if _, err := unix.Sendfile(fd, int(f.Fd()), &off, len(data)-int(off)); err != nil {
				wrote <- err
				return
			}
		}
		wrote <- SendRecord(fd, TypeAlert, []byte{1, 0})
	}()
	p.want(TypeApplicationData, data)
	if err := <-wrote; err != nil {
		t.Fatal(err)
	}
	p.want(TypeAlert, []byte{1, 0})
}

// TestRekey: both outcomes are right, each with its error and effect.
func TestRekey(t *testing.T) {
	fd, p, secret := enabled(t, tls.TLS_AES_128_GCM_SHA256, 3)
	s, _ := suiteOf(tls.TLS_AES_128_GCM_SHA256)
	next, err := s.next(secret)
	if err != nil {
		t.Fatal(err)
	}
	err = Rekey(fd, tls.VersionTLS13, tls.TLS_AES_128_GCM_SHA256, next)
	if err != nil && !errors.Is(err, ErrRekey) {
		t.Fatal(err)
	}
	if err == nil {
		p.seq = 0
		p.p, _ = newProtection(s, next)
	}
	if got := err == nil; got != CanRekey() {
		t.Errorf("Rekey: %v, but CanRekey is %v", err, CanRekey())
	}
	if _, err := unix.Write(fd, []byte("after")); err != nil {
		t.Fatal(err)
	}
	p.want(TypeApplicationData, []byte("after"))
}

func TestEnable_refused(t *testing.T) {
	a, b := connected(t)
	fd := descriptor(t, a)
	if err := Enable(fd, tls.VersionTLS12, tls.TLS_AES_128_GCM_SHA256, make([]byte, 32), 0); !errors.Is(err, ErrVersion) {
		t.Errorf("TLS 1.2: %v, want %v", err, ErrVersion)
	}
	if Supported() != nil {
		if err := Enable(fd, tls.VersionTLS13, tls.TLS_AES_128_GCM_SHA256, make([]byte, 32), 0); !errors.Is(err, ErrUnsupported) {
			t.Errorf("no support: %v, want %v", err, ErrUnsupported)
		}
	} else if err := Enable(fd, tls.VersionTLS13, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, make([]byte, 32), 0); !errors.Is(err, ErrSuite) {
		t.Errorf("suite: %v, want %v", err, ErrSuite)
	}
	if _, err := unix.Write(fd, []byte("plain")); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 5)
	if _, err := io.ReadFull(b, got); err != nil || string(got) != "plain" {
		t.Errorf("after refusals the peer gets %q, %v", got, err)
	}
}

package certs

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/certs/certtest"
)

// A log gathers what was logged.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logged) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), what)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func open(t *testing.T, o Options) (*Store, *logged) {
	t.Helper()
	log := &logged{}
	o.Log = slog.New(slog.NewTextHandler(log, nil))
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, log
}

// gives fails unless the certificate for a name is that of a leaf.
func gives(t *testing.T, s *Store, name string, want *certtest.Leaf) {
	t.Helper()
	cert, err := s.Certificate(&tls.ClientHelloInfo{ServerName: name})
	if err != nil || !cert.Leaf.Equal(want.Leaf) {
		t.Errorf("%q: %v, %v, want number %v", name, cert, err, want.Leaf.SerialNumber)
	}
}

// await waits until the certificate for a name is that of a leaf.
func await(t *testing.T, s *Store, name string, want *certtest.Leaf) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		cert, err := s.Certificate(&tls.ClientHelloInfo{ServerName: name})
		if err == nil && cert.Leaf.Equal(want.Leaf) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%q: the new certificate did not come", name)
		}
	}
}

// What a directory may hold, in the manner of several programs.
func TestScan(t *testing.T) {
	ca := certtest.NewAuthority(t)
	leaf := ca.Issue(t, nil)
	cert, key := leaf.CertPEM(), leaf.KeyPEM(t)
	both := append(bytes.Clone(cert), key...)
	for _, c := range []struct {
		name  string
		files map[string][]byte
		want  []string // certificates and keys in turn
		err   error
	}{
		{"crt", map[string][]byte{"a.crt": cert, "a.key": key}, []string{"a.crt", "a.key"}, nil},
		{"pem", map[string][]byte{"a.pem": cert, "a.key": key}, []string{"a.pem", "a.key"}, nil},
		{"mkcert", map[string][]byte{"a.pem": cert, "a-key.pem": key}, []string{"a.pem", "a-key.pem"}, nil},
		{"haproxy", map[string][]byte{"a.pem": both}, []string{"a.pem", "a.pem"}, nil},
		{"sorted", map[string][]byte{"b.pem": both, "a.crt": cert, "a.key": key}, []string{"a.crt", "a.key", "b.pem", "b.pem"}, nil},
		{"kubernetes", map[string][]byte{"tls.crt": cert, "tls.key": key, "ca.crt": ca.PEM(), "..data/tls.crt": nil}, []string{"tls.crt", "tls.key"}, nil},
		{"certbot", map[string][]byte{"README": nil, "a/README": nil, "a/cert.pem": cert, "a/chain.pem": ca.PEM(), "a/fullchain.pem": cert, "a/privkey.pem": key, "b/fullchain.pem": cert, "b/privkey.pem": key},
			[]string{"a/fullchain.pem", "a/privkey.pem", "b/fullchain.pem", "b/privkey.pem"}, nil},
		{"one directory of certbot", map[string][]byte{"cert.pem": cert, "chain.pem": ca.PEM(), "fullchain.pem": cert, "privkey.pem": key}, []string{"fullchain.pem", "privkey.pem"}, nil},
		{"key alone", map[string][]byte{"a.key": key, "b.pem": both}, []string{"b.pem", "b.pem"}, nil},
		{"hidden", map[string][]byte{".a.crt": cert, ".a.key": key, "b.pem": both}, []string{"b.pem", "b.pem"}, nil},
		{"two levels down", map[string][]byte{"a/b/c.pem": both, "d.pem": both}, []string{"d.pem", "d.pem"}, nil},
		{"empty", map[string][]byte{"README": nil}, nil, ErrNoPairs},
		{"an authority alone", map[string][]byte{"ca.pem": ca.PEM()}, nil, ErrNoPairs},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, content := range c.files {
				certtest.Write(t, dir, name, content)
			}
			pairs, err := scan(dir)
			var got []string
			for _, p := range pairs {
				for _, file := range []string{p.Cert, p.Key} {
					rel, err := filepath.Rel(dir, file)
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, rel)
				}
			}
			if strings.Join(got, " ") != strings.Join(c.want, " ") || !errors.Is(err, c.err) {
				t.Errorf("%q, %v, want %q, %v", got, err, c.want, c.err)
			}
		})
	}
	dir := t.TempDir()
	certtest.Write(t, dir, "a.pem", both)
	l, err := net.Listen("unix", filepath.Join(dir, "socket.pem"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if pairs, err := scan(dir); len(pairs) != 1 || err != nil { // pipes, whose reading may never end, are passed over as well
		t.Errorf("with a socket: %v, %v", pairs, err)
	}
	if _, err := scan(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
}

// At the start every file must be right, and the message says which is not. What has
// run out in a directory, as it does by itself, does not keep the server from starting.
func TestOpen_errors(t *testing.T) {
	ca := certtest.NewAuthority(t)
	good, expired := ca.Issue(t, nil), ca.Issue(t, nil, certtest.Valid(-2*time.Hour, -time.Hour))
	dir := t.TempDir()
	good.Write(t, dir, "good.crt", "good.key")
	certtest.Write(t, dir, "lonely.crt", good.CertPEM())
	if _, err := Open(Options{Dir: dir}); !errors.Is(err, ErrUnpaired) || !strings.Contains(err.Error(), "lonely.crt") {
		t.Errorf("certificate without key: %v", err)
	}
	os.Remove(filepath.Join(dir, "lonely.crt"))
	old := Pair{}
	old.Cert, old.Key = expired.Write(t, dir, "a.crt", "a.key")
	s, log := open(t, Options{Dir: dir})
	gives(t, s, "", good)
	s.Reload()
	if text := log.String(); log.count("TLS certificate left out") != 1 || !strings.Contains(text, old.Cert) || !strings.Contains(text, ErrExpired.Error()) {
		t.Errorf("want a.crt left out, once: %s", text)
	}
	renewed := ca.Issue(t, nil)
	renewed.Write(t, dir, "a.crt", "a.key")
	s.Reload()
	gives(t, s, "", renewed)
	only := t.TempDir()
	expired.Write(t, only, "a.crt", "a.key")
	for _, o := range []Options{{Dir: only}, {Pairs: []Pair{old}}} {
		expired.Write(t, dir, "a.crt", "a.key")
		o.Log = slog.New(slog.DiscardHandler)
		if _, err := Open(o); !errors.Is(err, ErrExpired) || !strings.Contains(err.Error(), "a.crt") {
			t.Errorf("expired: %v", err)
		}
	}
	if _, err := Open(Options{Pairs: []Pair{{filepath.Join(dir, "good.crt"), ""}}}); !errors.Is(err, ErrUnpaired) {
		t.Errorf("both or neither: %v", err)
	}
}

func TestStore_order(t *testing.T) {
	ca := certtest.NewAuthority(t)
	a, b, explicit := ca.Issue(t, []string{"x.example"}), ca.Issue(t, []string{"b.example"}), ca.Issue(t, []string{"e.example"})
	dir, other := t.TempDir(), t.TempDir()
	b.Write(t, dir, "b.crt", "b.key")
	a.Write(t, dir, "a.crt", "a.key")
	cert, key := explicit.Write(t, other, "c", "k")
	fixed, err := SelfSigned("", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	all, _ := open(t, Options{Pairs: []Pair{{cert, key}}, Dir: dir, Fixed: fixed})
	gives(t, all, "", explicit)
	gives(t, all, "b.example", b)
	gives(t, all, "localhost", &certtest.Leaf{Certificate: *fixed})
	some, _ := open(t, Options{Dir: dir, Fixed: fixed})
	gives(t, some, "", a)
	own, _ := open(t, Options{Fixed: fixed})
	gives(t, own, "unknown.example", &certtest.Leaf{Certificate: *fixed})
	if none, _ := open(t, Options{}); !none.Empty() || all.Empty() || !all.Covers("E.example") || all.Covers("f.example") {
		t.Error("Empty or Covers")
	}
}

// A broken pair keeps the old certificate and is logged once; others load.
func TestStore_reload(t *testing.T) {
	ca := certtest.NewAuthority(t)
	a1, a2, a3 := ca.Issue(t, []string{"a.example"}), ca.Issue(t, []string{"a.example"}), ca.Issue(t, []string{"a.example"})
	b1, b2 := ca.Issue(t, []string{"b.example"}), ca.Issue(t, []string{"b.example"})
	expired := ca.Issue(t, []string{"b.example"}, certtest.Valid(-2*time.Hour, -time.Hour))
	dir := t.TempDir()
	a1.Write(t, dir, "a.crt", "a.key")
	b1.Write(t, dir, "b.crt", "b.key")
	s, log := open(t, Options{Dir: dir})
	complaints := func() int { return log.count("not loaded") }

	certtest.Write(t, dir, "a.crt", a2.CertPEM()) // its key is not there yet
	b2.Write(t, dir, "b.crt", "b.key")
	for n, want := range []int{1, 0, 0} { // what it loads anew; what it could not is told each time, and logged once
		if loaded, err := s.Reload(); loaded != want || err == nil || !strings.Contains(err.Error(), "a.key") {
			t.Errorf("Reload %d: %d, %v, want %d and an error about a.key", n, loaded, err, want)
		}
		gives(t, s, "a.example", a1)
		gives(t, s, "b.example", b2)
	}
	if n := complaints(); n != 1 || log.count("a.key") == 0 {
		t.Errorf("%d complaints, want 1: %s", n, &log.text)
	}
	certtest.Write(t, dir, "a.key", a2.KeyPEM(t))
	if loaded, err := s.Reload(); loaded != 1 || err != nil {
		t.Errorf("Reload: %d, %v", loaded, err)
	}
	gives(t, s, "a.example", a2)

	expired.Write(t, dir, "b.crt", "b.key")
	s.Reload()
	gives(t, s, "b.example", b2)
	certtest.Write(t, dir, "b.crt", []byte("garbage"))
	s.Reload()
	gives(t, s, "b.example", b2)
	if n := complaints(); n != 3 {
		t.Errorf("%d complaints, want 3: %s", n, &log.text)
	}
	os.Remove(filepath.Join(dir, "b.crt"))
	os.Remove(filepath.Join(dir, "b.key"))
	s.Reload()
	gives(t, s, "b.example", a2) // dropped: the default
	a3.Write(t, dir, "new.pem", "new.key")
	s.Reload()
	os.Remove(filepath.Join(dir, "a.crt"))
	s.Reload()
	gives(t, s, "a.example", a3)
	for _, name := range []string{"new.pem", "new.key", "a.key"} {
		os.Remove(filepath.Join(dir, name))
	}
	s.Reload()
	gives(t, s, "a.example", a3) // the last one stays
	if n := complaints(); n != 4 {
		t.Errorf("%d complaints, want 4: %s", n, &log.text)
	}
}

// The watch hears of files that are replaced, and of links that are, far up as well.
func TestStore_watch(t *testing.T) {
	ca := certtest.NewAuthority(t)
	issue := func() *certtest.Leaf { return ca.Issue(t, []string{"a.example"}) }
	link := func(target, name string) { // in one step, as ln -sfn cannot
		temp := name + ".new"
		if err := errors.Join(os.Symlink(target, temp), os.Rename(temp, name)); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("files", func(t *testing.T) {
		dir, leaf := t.TempDir(), issue()
		cert, key := leaf.Write(t, dir, "c", "k")
		s, _ := open(t, Options{Pairs: []Pair{{cert, key}}})
		for range 3 {
			leaf = issue()
			leaf.Write(t, dir, "c", "k")
			await(t, s, "a.example", leaf)
		}
	})
	t.Run("certbot", func(t *testing.T) { // live/NAME/x.pem leads to archive/NAME/xN.pem
		dir, leaf := t.TempDir(), issue()
		live := filepath.Join(dir, "live", "a.example")
		if err := os.MkdirAll(live, 0o755); err != nil {
			t.Fatal(err)
		}
		renew := func(n string) {
			leaf.Write(t, dir, "archive/a.example/fullchain"+n+".pem", "archive/a.example/privkey"+n+".pem")
			link("../../archive/a.example/privkey"+n+".pem", filepath.Join(live, "privkey.pem"))
			link("../../archive/a.example/fullchain"+n+".pem", filepath.Join(live, "fullchain.pem"))
		}
		renew("1")
		for _, o := range []Options{{Dir: filepath.Join(dir, "live")}, {Dir: live}, {Pairs: []Pair{{filepath.Join(live, "fullchain.pem"), filepath.Join(live, "privkey.pem")}}}} {
			s, _ := open(t, o)
			gives(t, s, "a.example", leaf)
			leaf = issue()
			renew("2")
			await(t, s, "a.example", leaf)
		}
	})
	t.Run("kubernetes", func(t *testing.T) { // tls.crt leads to ..data/tls.crt, ..data to a directory that is replaced
		dir, leaf := t.TempDir(), issue()
		leaf.Write(t, dir, "..1/tls.crt", "..1/tls.key")
		link("..1", filepath.Join(dir, "..data"))
		link("..data/tls.crt", filepath.Join(dir, "tls.crt"))
		link("..data/tls.key", filepath.Join(dir, "tls.key"))
		s, _ := open(t, Options{Dir: dir})
		gives(t, s, "a.example", leaf)
		for _, next := range []string{"..2", "..3"} {
			leaf = issue()
			leaf.Write(t, dir, next+"/tls.crt", next+"/tls.key")
			old, _ := os.Readlink(filepath.Join(dir, "..data"))
			link(next, filepath.Join(dir, "..data"))
			os.RemoveAll(filepath.Join(dir, old))
			await(t, s, "a.example", leaf)
		}
	})
	t.Run("new directory", func(t *testing.T) {
		dir, leaf, more := t.TempDir(), issue(), ca.Issue(t, []string{"b.example"})
		leaf.Write(t, dir, "a.crt", "a.key")
		s, _ := open(t, Options{Dir: dir})
		more.Write(t, dir, "b/fullchain.pem", "b/privkey.pem")
		await(t, s, "b.example", more)
	})
}

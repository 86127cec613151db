package tickets

import (
	"bytes"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/certs/certtest"
)

// open opens keys that end with the test.
func open(t *testing.T, o Options) *Keys {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	k, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k
}

func newest(k *Keys) key {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.keys[0]
}

func setClock(k *Keys, now func() time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.now = now
}

// config returns a server's configuration with the keys.
func config(t testing.TB, k *Keys) *tls.Config {
	t.Helper()
	cert := certtest.NewAuthority(t).Issue(t, nil).Certificate
	c := &tls.Config{Certificates: []tls.Certificate{cert}}
	k.Install(c)
	return c
}

// A wallet is a client that keeps the first ticket that it gets.
type wallet struct {
	tls.ClientSessionCache
	first *tls.ClientSessionState
}

func (w *wallet) Get(string) (*tls.ClientSessionState, bool) { return w.first, w.first != nil }
func (w *wallet) Put(_ string, s *tls.ClientSessionState) {
	if w.first == nil {
		w.first = s
	}
}

// resumed makes a connection and reports whether it resumed a session.
func resumed(t testing.TB, server *tls.Config, version uint16, w *wallet) bool {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	done := make(chan error, 1)
	go func() {
		s := tls.Server(a, server)
		_, err := s.Write([]byte("x")) // after the handshake, and in TLS 1.3 the ticket
		done <- err
	}()
	c := tls.Client(b, &tls.Config{InsecureSkipVerify: true, ServerName: "a.example", MaxVersion: version, ClientSessionCache: w})
	_, err := c.Read(make([]byte, 1))
	if err := errors.Join(err, <-done); err != nil {
		t.Fatal(err)
	}
	return c.ConnectionState().DidResume
}

var versions = map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13}

// A ticket is good until its key has left: as many rotations as older keys are kept.
func TestRotate(t *testing.T) {
	for name, version := range versions {
		for _, file := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				o := Options{Kept: 3}
				if file {
					o.File = filepath.Join(t.TempDir(), "keys")
				}
				k := open(t, o)
				now := time.Now()
				setClock(k, func() time.Time { now = now.Add(time.Minute); return now })
				server := config(t, k)
				clone := server.Clone() // before the rotations, as servers do
				w := &wallet{}
				if resumed(t, clone, version, w) || w.first == nil {
					t.Fatal("resumed nothing, or got no ticket")
				}
				for n := range 5 {
					if got, want := resumed(t, clone, version, w), n < 3; got != want {
						t.Errorf("after %d rotations: resumed %v, want %v", n, got, want)
					}
					if !resumed(t, server, version, &wallet{first: renewed(t, clone, version)}) {
						t.Errorf("after %d rotations: a new ticket was not good", n)
					}
					if err := k.Rotate(); err != nil {
						t.Fatal(err)
					}
				}
			})
		}
	}
}

// renewed returns a new ticket.
func renewed(t *testing.T, server *tls.Config, version uint16) *tls.ClientSessionState {
	t.Helper()
	w := &wallet{}
	resumed(t, server, version, w)
	return w.first
}

func TestRotation_byTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := open(t, Options{Every: time.Hour})
		first := newest(k)
		time.Sleep(time.Hour - 2*time.Second)
		synctest.Wait()
		if newest(k) != first {
			t.Error("rotated too early")
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		second := newest(k)
		if second == first {
			t.Error("did not rotate")
		}
		time.Sleep(20 * time.Hour)
		synctest.Wait()
		k.mu.Lock()
		defer k.mu.Unlock()
		if len(k.keys) != DefaultKept || k.keys[0] == second {
			t.Errorf("%d keys, want %d, and none of the first", len(k.keys), DefaultKept)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		k := open(t, Options{Every: -1})
		first := k.keys[0]
		time.Sleep(1000 * time.Hour)
		if k.keys[0] != first {
			t.Error("rotated by time, which is switched off")
		}
	})
}

// Two holders of one file are as two processes: each resumes the other's sessions.
func TestFile_shared(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys")
	a := open(t, Options{File: file})
	b := open(t, Options{File: file})
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v, want a file of mode 600", info, err)
	}
	serverA, serverB := config(t, a), config(t, b)
	for name, version := range versions {
		w := &wallet{}
		if resumed(t, serverA, version, w) || !resumed(t, serverB, version, w) {
			t.Errorf("%s: not resumed by the other", name)
		}
	}
	alone := config(t, open(t, Options{}))
	if w := (&wallet{}); resumed(t, serverA, tls.VersionTLS13, w) || resumed(t, alone, tls.VersionTLS13, w) {
		t.Error("resumed with other keys")
	}

	later := time.Now().Add(time.Minute)
	setClock(a, func() time.Time { return later })
	if err := a.Rotate(); err != nil {
		t.Fatal(err)
	}
	want := newest(a)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) { // b hears of it
		if newest(b).secret == want.secret {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the other did not load the new key")
		}
	}
	if w := (&wallet{}); resumed(t, serverA, tls.VersionTLS13, w) || !resumed(t, serverB, tls.VersionTLS13, w) {
		t.Error("not resumed by the other after a rotation")
	}
}

// One signal to many processes makes one key.
func TestFile_rotatedOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys")
	later := time.Now().Add(time.Minute)
	var all []*Keys
	for range 4 {
		k := newKeys(Options{File: file}, time.Now)
		if err := k.first(); err != nil {
			t.Fatal(err)
		}
		k.now = func() time.Time { return later }
		all = append(all, k)
	}
	for round := range 2 {
		for _, k := range all {
			if err := k.Rotate(); err != nil {
				t.Fatal(err)
			}
		}
		keys, err := read(file)
		if err != nil || len(keys) != 2+round {
			t.Fatalf("%d keys, %v, want %d", len(keys), err, 2+round)
		}
		for _, k := range all {
			if k.keys[0].secret != keys[0].secret {
				t.Error("not the key of the file")
			}
		}
		later = later.Add(fresh)
	}
	// By time: the first makes the key, the others find it.
	later = later.Add(DefaultEvery)
	for _, k := range all {
		k.age()
	}
	if keys, err := read(file); err != nil || len(keys) != DefaultKept {
		t.Errorf("%d keys, %v, want %d", len(keys), err, DefaultKept)
	}
}

// A file that has become bad is logged once, and the keys stay.
func TestFile_bad(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys")
	var log bytes.Buffer
	k := newKeys(Options{File: file, Log: slog.New(slog.NewTextHandler(&log, nil))}, time.Now)
	if err := k.first(); err != nil {
		t.Fatal(err)
	}
	before := k.keys[0]
	for _, text := range []string{"garbage", "garbage", ""} {
		certtest.Write(t, filepath.Dir(file), "keys", []byte(text))
		k.reload()
	}
	k.now = func() time.Time { return time.Now().Add(time.Minute) }
	if err := k.Rotate(); !errors.Is(err, ErrNoKeys) {
		t.Errorf("Rotate = %v, want the error of the file", err)
	}
	if k.keys[0] != before || strings.Count(log.String(), "not loaded") != 2 {
		t.Errorf("keys changed, or not logged once each: %s", &log)
	}
	for _, bad := range []string{"garbage", ""} {
		certtest.Write(t, filepath.Dir(file), "keys", []byte(bad))
		if _, err := Open(Options{File: file}); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("Open(%q) = %v", bad, err)
		}
	}
	if _, err := Open(Options{File: filepath.Join(t.TempDir(), "none", "keys")}); err == nil {
		t.Error("no directory: no error")
	}
}

// Who finds another at work waits for the file; what is left over of one that died is replaced.
func TestFile_lock(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys")
	lock := certtest.Write(t, filepath.Dir(file), "keys.new", nil)
	opened := make(chan *Keys, 1)
	go func() {
		k, err := Open(Options{File: file, Every: -1, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Error(err)
		}
		opened <- k
	}()
	others := key{made: time.Now().Truncate(time.Second), secret: [secretSize]byte{1}}
	certtest.Write(t, filepath.Dir(file), "keys", format([]key{others}))
	if k := <-opened; k != nil {
		if newest(k).secret != others.secret {
			t.Error("not the other's key")
		}
		k.Close()
	}
	os.Remove(file)
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(lock, old, old); err != nil {
		t.Fatal(err)
	}
	open(t, Options{File: file})
	if _, err := read(file); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(lock); !os.IsNotExist(err) {
		t.Errorf("the lock is still there: %v", err)
	}
}

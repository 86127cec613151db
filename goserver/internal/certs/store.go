package certs

import (
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/filewatch"
)

// Options say where the certificates are.
type Options struct {
	Pairs []Pair           // come first, in this order
	Dir   string           // a directory of pairs, or ""; see scan
	Fixed *tls.Certificate // comes last; or nil
	Log   *slog.Logger     // for what happens later, and for warnings
}

// A Store has the certificates of a server.
type Store struct {
	options Options
	now     func() time.Time
	current atomic.Pointer[set]
	watch   *filewatch.Watcher

	mu     sync.Mutex
	loaded []*entry
	told   map[string]string // what was logged last of a pair or the directory
	slow   map[int]bool      // sizes of RSA keys that were measured
}

// An entry is a pair that was loaded.
type entry struct {
	pair Pair
	sum  [sha256.Size]byte
	cert *tls.Certificate
}

// Open loads the certificates, and watches their files until Close. All must be right,
// but that those of a directory which are out of date are left out, and logged.
func Open(o Options) (*Store, error) {
	s := &Store{options: o, now: time.Now, told: map[string]string{}, slow: map[int]bool{}}
	if err := s.first(); err != nil {
		return nil, err
	}
	s.publish()
	if len(s.loaded) > 0 || o.Dir != "" {
		s.watch = filewatch.Start(s.dirs, func() { s.Reload() }, o.Log) // which has logged what it returns
	}
	return s, nil
}

// first loads all for the first time.
func (s *Store) first() error {
	pairs, err := s.pairs()
	if err != nil {
		return err
	}
	var late error
	for i, p := range pairs {
		e, err := s.load(p, nil)
		switch {
		case err == nil:
			s.loaded = append(s.loaded, e)
		case i >= len(s.options.Pairs) && (errors.Is(err, ErrExpired) || errors.Is(err, ErrNotYetValid)):
			s.tell(p.Cert, leftOut, err)
			late = err
		default:
			return err
		}
	}
	if len(s.loaded) == 0 {
		return late
	}
	return nil
}

// Close ends the watch. The certificates stay.
func (s *Store) Close() {
	if s.watch != nil {
		s.watch.Close()
	}
}

// Certificate is for tls.Config.GetCertificate.
func (s *Store) Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	return s.current.Load().choose(hello)
}

// Covers reports whether a certificate has the name, itself or by a wildcard.
func (s *Store) Covers(name string) bool { return s.current.Load().find(name) != nil }

// Empty reports whether there is no certificate at all.
func (s *Store) Empty() bool { return s.current.Load().defaults == nil }

// Reload looks at all files again, and returns how many certificates it has loaded anew
// and what it could not load. A pair that cannot be loaded keeps the certificate that it
// had, and is logged, once for each reason. One that has left the directory is dropped,
// but for the last.
func (s *Store) Reload() (loaded int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	pairs, err := s.pairs()
	s.tell(s.options.Dir, oldStays, err)
	if err != nil {
		return 0, err
	}
	var next []*entry
	var errs []error
	for _, p := range pairs {
		old := s.find(p)
		e, err := s.reload(p, old)
		errs = append(errs, err)
		if e != nil {
			next = append(next, e)
		}
		if e != old {
			loaded++
		}
	}
	maps.DeleteFunc(s.told, func(what, _ string) bool {
		return what != s.options.Dir && !slices.ContainsFunc(pairs, func(p Pair) bool { return p.Cert == what })
	})
	if len(next) > 0 && !slices.Equal(next, s.loaded) {
		s.replace(next)
	}
	return loaded, errors.Join(errs...)
}

// replace makes next what is loaded.
func (s *Store) replace(next []*entry) {
	for _, old := range s.loaded {
		if !slices.ContainsFunc(next, func(e *entry) bool { return e.pair == old.pair }) {
			s.options.Log.Info("TLS certificate dropped, its file is gone", "file", old.pair.Cert)
		}
	}
	s.loaded = next
	s.publish()
}

// reload loads a pair, or returns what it was: nil if it has never been good.
func (s *Store) reload(p Pair, old *entry) (*entry, error) {
	message := oldStays
	if old == nil {
		message = leftOut
	}
	e, err := s.load(p, old)
	s.tell(p.Cert, message, err)
	if err != nil {
		return old, err
	}
	if e != old {
		s.options.Log.Info("TLS certificate loaded", "file", p.Cert, "names", e.cert.Leaf.DNSNames, "expires", e.cert.Leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	return e, nil
}

// pairs returns all pairs that there are now.
func (s *Store) pairs() ([]Pair, error) {
	pairs := slices.Clone(s.options.Pairs)
	if s.options.Dir == "" {
		return pairs, nil
	}
	more, err := scan(s.options.Dir)
	if err != nil {
		return nil, inDir(err)
	}
	return append(pairs, more...), nil
}

func (s *Store) find(p Pair) *entry {
	for _, e := range s.loaded {
		if e.pair == p {
			return e
		}
	}
	return nil
}

// load loads a pair, or returns old when the files still have what it was made of.
func (s *Store) load(p Pair, old *entry) (*entry, error) {
	c, err := p.read()
	if err != nil {
		return nil, err
	}
	sum := c.sum()
	if old != nil && old.sum == sum {
		return old, nil
	}
	cert, err := p.parse(c, s.now())
	if err != nil {
		return nil, err
	}
	s.measure(p, cert)
	return &entry{p, sum, cert}, nil
}

// measure warns of a key with which signatures take long, once for each size: a
// directory may have thousands.
func (s *Store) measure(p Pair, cert *tls.Certificate) {
	bits := slowBits(cert)
	if bits == 0 || s.slow[bits] {
		return
	}
	s.slow[bits] = true
	s.options.Log.Warn("slow TLS key: an ECDSA P-256 key costs some 0.03 ms a handshake",
		"file", p.Key, "rsa_bits", bits, "signature", signCost(cert).Round(10*time.Microsecond).String())
}

// What tell says of a certificate.
const (
	oldStays = "TLS certificate not loaded, the old one stays"
	leftOut  = "TLS certificate left out"
)

// tell logs an error of a file, once until it is another one or gone.
func (s *Store) tell(file, message string, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	switch {
	case err == nil:
		delete(s.told, file)
	case s.told[file] != text:
		s.told[file] = text
		s.options.Log.Error(message, "error", text)
	}
}

// publish makes what is loaded the current set.
func (s *Store) publish() {
	var all []*tls.Certificate
	for _, e := range s.loaded {
		all = append(all, e.cert)
	}
	if s.options.Fixed != nil {
		all = append(all, s.options.Fixed)
	}
	s.current.Store(newSet(all))
}

// dirs returns the directories in which a change shows.
func (s *Store) dirs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var files []string
	for _, p := range s.options.Pairs {
		files = append(files, p.Cert, p.Key)
	}
	for _, e := range s.loaded {
		files = append(files, e.pair.Cert, e.pair.Key)
	}
	dirs := filewatch.Dirs(files...)
	if dir := s.options.Dir; dir != "" {
		dirs = append(dirs, filepath.Clean(dir))
		if _, below, err := scanOne(dir); err == nil {
			for _, name := range below {
				dirs = append(dirs, filepath.Join(dir, name))
			}
		}
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

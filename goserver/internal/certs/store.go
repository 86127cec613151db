package certs

import (
	"crypto/sha256"
	"crypto/tls"
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
	loads   func() // of tests: called after each load

	mu     sync.Mutex
	loaded []*entry
	told   map[string]string // what was logged last of a pair or the directory
}

// An entry is a pair that was loaded.
type entry struct {
	pair Pair
	sum  [sha256.Size]byte
	cert *tls.Certificate
}

// Open loads the certificates, all of which must be right, and watches their
// files until Close.
func Open(o Options) (*Store, error) {
	s := &Store{options: o, now: time.Now, told: map[string]string{}}
	pairs, err := s.pairs()
	if err != nil {
		return nil, err
	}
	for _, p := range pairs {
		e, err := s.load(p, nil)
		if err != nil {
			return nil, err
		}
		s.loaded = append(s.loaded, e)
	}
	s.publish()
	if len(s.loaded) > 0 || o.Dir != "" {
		s.watch = filewatch.Start(s.dirs, s.Reload, o.Log)
	}
	return s, nil
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
func (s *Store) Empty() bool { return len(s.current.Load().all) == 0 }

// Reload looks at all files again. A pair that cannot be loaded keeps the
// certificate that it had, and is logged, once for each reason. One that has left the
// directory is dropped, but for the last.
func (s *Store) Reload() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.loads != nil {
		defer s.loads()
	}
	pairs, err := s.pairs()
	s.tell(s.options.Dir, err)
	if err != nil {
		return
	}
	var next []*entry
	changed := len(pairs) != len(s.loaded)
	for i, p := range pairs {
		old := s.find(p)
		e, err := s.load(p, old)
		s.tell(p.Cert, err)
		if err != nil {
			e = old
		}
		if e != nil {
			next = append(next, e)
		}
		changed = changed || e != old || i >= len(s.loaded) || s.loaded[i] != e
	}
	maps.DeleteFunc(s.told, func(what, _ string) bool {
		return what != s.options.Dir && !slices.ContainsFunc(pairs, func(p Pair) bool { return p.Cert == what })
	})
	if changed && len(next) > 0 {
		s.loaded = next
		s.publish()
	}
}

// pairs returns all pairs that there are now.
func (s *Store) pairs() ([]Pair, error) {
	pairs := slices.Clone(s.options.Pairs)
	if s.options.Dir == "" {
		return pairs, nil
	}
	more, err := scan(s.options.Dir)
	return append(pairs, more...), err
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
	if bits, cost := signCost(cert); bits > 0 {
		s.options.Log.Warn("slow TLS key: an ECDSA P-256 key costs some 0.03 ms a handshake",
			"file", p.Key, "rsa_bits", bits, "signature", cost.Round(10*time.Microsecond).String())
	}
	if old != nil {
		s.options.Log.Info("TLS certificate loaded", "file", p.Cert, "names", cert.Leaf.DNSNames, "expires", cert.Leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	return &entry{p, sum, cert}, nil
}

// tell logs an error of what, once until it is another one or gone.
func (s *Store) tell(what string, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	switch {
	case err == nil:
		delete(s.told, what)
	case s.told[what] != text:
		s.told[what] = text
		s.options.Log.Error("TLS certificate not loaded, the old one stays", "error", text)
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

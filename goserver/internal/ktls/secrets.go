package ktls

import (
	"bytes"
	"encoding/hex"
	"errors"
	"sync"
)

// ErrNoSecret reports that the server's traffic secret was not seen: the
// configuration that the handshake used logs its keys elsewhere, or the client
// split its ClientHello in an unusual place.
var ErrNoSecret = errors.New("ktls: no traffic secret")

// Secrets is a KeyLogWriter for a tls.Config. Of all lines it takes the one with
// the server's first application traffic secret, gives it to the Handshake that
// waits for its client random, and keeps nothing. One Secrets serves any number of
// connections and configurations, and holds at most one entry for each handshake
// under way.
type Secrets struct {
	mu      sync.Mutex
	waiting map[clientRandom]waiter
}

type clientRandom [32]byte

// A waiter is who waits for the secret of one client random.
type waiter struct {
	one  *Handshake // nil while there are more
	many int
}

// NewSecrets makes a Secrets.
func NewSecrets() *Secrets { return &Secrets{waiting: make(map[clientRandom]waiter)} }

// secretLabel begins the line with the secret of the server's application data
// (NSS Key Log Format; RFC 9850 §2.1).
const secretLabel = "SERVER_TRAFFIC_SECRET_0 "

// Write takes one line. crypto/tls calls it while the handshake runs, one call at
// a time in the whole process.
func (s *Secrets) Write(line []byte) (int, error) {
	if rest, ok := bytes.CutPrefix(line, []byte(secretLabel)); ok {
		s.take(rest)
	}
	return len(line), nil
}

// take reads the client random and the secret, both in hexadecimal. A line of
// another form is nobody's.
func (s *Secrets) take(line []byte) {
	var random clientRandom
	name, value, ok := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(" "))
	if !ok || len(name) != 2*len(random) || len(value) > 2*maxSecret {
		return
	}
	if _, err := hex.Decode(random[:], name); err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.waiting[random].one
	if h == nil {
		return
	}
	h.told++
	h.secretLen, _ = hex.Decode(h.secret[:], value)
}

// add lets h wait for the secret of its client random. Of clients with the same
// one, of which at least one is broken or hostile, none gets a secret: it could be
// the other's.
func (s *Secrets) add(h *Handshake) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.waiting[h.random]
	w.many++
	if w.one = h; w.many > 1 {
		w.one = nil
	}
	s.waiting[h.random] = w
}

func (s *Secrets) remove(h *Handshake) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.waiting[h.random]
	w.many--
	if s.waiting[h.random] = w; w.many == 0 {
		delete(s.waiting, h.random)
	}
}

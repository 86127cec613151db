package httpcache

import "sync"

// An outcome is what a flight has come to.
type outcome uint8

const (
	abandoned outcome = iota // the client left or the handler panicked: another request may lead
	landed                   // the response is in the store
	covered                  // the handler failed, and a stale response may cover it
	lone                     // it could not be stored: each request goes by itself
)

// A flight is one call of the handler that requests for the same key wait for.
type flight struct {
	done    chan struct{} // closed when outcome is set
	outcome outcome
}

// The flights under way. There are no more of them than there are calls of the handler.
type flights struct {
	mu    sync.Mutex
	byKey map[string]*flight
}

// join returns the flight of a key. The one who gets leads must end it.
func (fs *flights) join(key []byte) (f *flight, leads bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f := fs.byKey[string(key)]; f != nil {
		return f, false
	}
	if fs.byKey == nil {
		fs.byKey = make(map[string]*flight)
	}
	f = &flight{done: make(chan struct{})}
	fs.byKey[string(key)] = f
	return f, true
}

// end ends a flight, unless it has ended. Only its leader calls it.
func (fs *flights) end(key []byte, f *flight, o outcome) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.byKey[string(key)] != f {
		return
	}
	delete(fs.byKey, string(key))
	f.outcome = o
	close(f.done)
}

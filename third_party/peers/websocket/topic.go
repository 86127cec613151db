package main

import "sync"

// A topic is the connections that get what comes on any of them.
type topic[C comparable] struct {
	mu  sync.Mutex
	all map[C]struct{}
}

func (t *topic[C]) join(c C) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all == nil {
		t.all = map[C]struct{}{}
	}
	t.all[c] = struct{}{}
}

func (t *topic[C]) leave(c C) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.all, c)
}

// each calls send for every connection, one at a time.
func (t *topic[C]) each(send func(C)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for c := range t.all {
		send(c)
	}
}

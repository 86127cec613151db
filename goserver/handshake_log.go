package goserver

import (
	"net"
	"sync"
	"time"
)

// A handshakeLog logs failed handshakes, one a second at most: the first at once, and of
// those that follow within the second the last, with their number. Any client can make
// them fail as it likes. Its methods may be called from any goroutine.
type handshakeLog struct {
	logf func(format string, v ...any)

	mu    sync.Mutex
	quiet bool // less than a second has passed since the last line
	held  int  // failures since then
	peer  net.Addr
	err   error // of the last of them
}

func (l *handshakeLog) add(peer net.Addr, err error) {
	l.mu.Lock()
	if l.quiet {
		l.held++
		l.peer, l.err = peer, err
		l.mu.Unlock()
		return
	}
	l.quiet = true
	l.mu.Unlock()
	time.AfterFunc(time.Second, l.flush)
	l.logf("http: TLS handshake error from %v: %v", peer, err)
}

// flush logs what was held back for a second. It goes on as long as there is something.
func (l *handshakeLog) flush() {
	l.mu.Lock()
	held, peer, err := l.held, l.peer, l.err
	l.held, l.peer, l.err = 0, nil, nil
	l.quiet = held > 0
	l.mu.Unlock()
	if held == 0 {
		return
	}
	time.AfterFunc(time.Second, l.flush)
	if held == 1 {
		l.logf("http: TLS handshake error from %v: %v", peer, err)
		return
	}
	l.logf("http: TLS handshake error from %v: %v (and %d more in the last second)", peer, err, held-1)
}

package netio

import "sync"

// tryMax is how many bytes of TryWritev a plainConn holds for its goroutine, at most.
const tryMax = 64 << 10

// A tryQueue holds what TryWritev accepted, while a goroutine writes it: a
// net.Conn has no write that does not wait.
type tryQueue struct {
	mu      sync.Mutex
	buf     []byte        // accepted, not yet taken by the goroutine
	running bool          // the goroutine is there
	err     error         // of the goroutine; it stays
	moved   chan struct{} // tells who waits that something of the above changed
}

func (c *plainConn) TryWritev(v ...[]byte) (n int64, err error) {
	q := &c.try
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil {
		return 0, q.err
	}
	for _, p := range v {
		m := min(len(p), tryMax-len(q.buf))
		q.buf = append(q.buf, p[:m]...)
		n += int64(m)
	}
	if len(q.buf) > 0 && !q.running {
		q.running = true
		if q.moved == nil {
			q.moved = make(chan struct{}, 1)
		}
		go c.writeTried()
	}
	return n, nil
}

// writeTried writes what gathers until nothing does.
func (c *plainConn) writeTried() {
	q := &c.try
	var spare []byte
	for {
		q.mu.Lock()
		taken := q.buf
		q.buf = spare[:0]
		q.running = len(taken) > 0 && q.err == nil
		running := q.running
		if !running {
			q.buf = nil
		}
		q.mu.Unlock()
		select {
		case q.moved <- struct{}{}:
		default:
		}
		if !running {
			return
		}
		if _, err := c.writePieces(taken); err != nil {
			q.mu.Lock()
			q.err = err
			q.mu.Unlock()
		}
		spare = taken
	}
}

func (c *plainConn) CanWrite() error {
	return c.try.wait(func(q *tryQueue) bool { return len(q.buf) < tryMax })
}

// settle waits until what TryWritev accepted is written.
func (q *tryQueue) settle() error {
	return q.wait(func(q *tryQueue) bool { return !q.running })
}

// wait waits until ok, or until the goroutine has failed. It is one goroutine's at a time: who writes.
func (q *tryQueue) wait(ok func(*tryQueue) bool) error {
	for {
		q.mu.Lock()
		err, done, moved := q.err, ok(q), q.moved
		q.mu.Unlock()
		if err != nil || done {
			return err
		}
		<-moved
	}
}

package load

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// EventSize is the length of an event in bytes: "data: ", the time at which
// it was made as 19 digits of Unix nanoseconds, dots, and the empty line.
const EventSize = 50

// AppendEvent appends the event made at that time.
func AppendEvent(b []byte, made time.Time) []byte {
	n := len(b)
	b = append(b, "data: "...)
	b = strconv.AppendInt(b, made.UnixNano(), 10)
	for len(b)-n < EventSize-2 {
		b = append(b, '.')
	}
	return append(b, "\n\n"...)
}

var (
	errEvent  = errors.New("load: not an event of the measurement")
	errMerged = errors.New("load: a chunk is not one event: it was not flushed by itself")
	errCount  = errors.New("load: the stream has another number of events")
	errLate   = errors.New("load: an event came after the next one was made: it was held back")
)

// eventTime returns when an event was made.
func eventTime(b []byte) (time.Time, error) {
	if len(b) != EventSize || string(b[:6]) != "data: " || string(b[EventSize-2:]) != "\n\n" {
		return time.Time{}, errEvent
	}
	n, err := strconv.ParseInt(string(b[6:25]), 10, 64)
	if err != nil {
		return time.Time{}, errEvent
	}
	return time.Unix(0, n), nil
}

// Live gets one stream of n events which the server makes gap apart, and
// returns an error unless each one arrived before the next was made.
func Live(t Target, n int, gap time.Duration) error { return live(t, n, gap, func() {}) }

// live calls seen after each event.
func live(t Target, n int, gap time.Duration, seen func()) error {
	t.Path += fmt.Sprintf("?n=%d&gap=%s", n, gap)
	c, err := dialStream(t)
	if err != nil {
		return err
	}
	defer c.conn.Close()
	var last time.Time // when the event before came
	return c.stream(n, func(made, came time.Time) error {
		if !last.IsZero() && last.After(made) {
			return errLate
		}
		last = came
		seen()
		return nil
	})
}

// Stream has n clients read one stream after the other, of events events
// each, for the duration, and measures all of it after a warm-up. A request is
// an event; the latency is from the making of an event to its arrival.
func Stream(ctx context.Context, t Target, n, events int, warm, duration time.Duration, pids []int) (Result, error) {
	t.Path += fmt.Sprintf("?n=%d", events)
	s := streams{measure: make(chan struct{}), stop: make(chan struct{})}
	var running sync.WaitGroup
	stop := sync.OnceFunc(func() { close(s.stop) })
	defer running.Wait()
	defer stop()
	for range n {
		c, err := dialStream(t)
		if err != nil {
			return Result{}, err
		}
		running.Go(func() { s.read(c, events) })
	}
	r, err := measured(ctx, warm, duration, pids, func() { close(s.measure) }, stop)
	if err != nil {
		return Result{}, err
	}
	running.Wait()
	r.Requests, r.Errors, r.Problem = s.result.Requests, s.result.Errors, s.result.Problem
	s.taken.percentiles(&r)
	return r, nil
}

// measured lets the load run for the warm-up, and meters the processes for the duration,
// at whose start and end it calls begin and end.
func measured(ctx context.Context, warm, duration time.Duration, pids []int, begin, end func()) (r Result, err error) {
	if err := pause(ctx, warm); err != nil {
		return r, err
	}
	m, err := startMeter(pids)
	if err != nil {
		return r, err
	}
	begin()
	if err := pause(ctx, duration); err != nil {
		return r, err
	}
	end()
	err = m.stop(&r)
	return r, err
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// streams is what the clients of one Stream have in common.
type streams struct {
	measure, stop chan struct{} // closed when counting begins and ends

	mu     sync.Mutex // guards what follows
	taken  latencies
	result Result
}

var errStop = errors.New("load: the run is over")

// read reads streams until stop, then adds what this client counted.
func (s *streams) read(c *streamConn, events int) {
	defer c.conn.Close()
	var taken latencies
	var count int64
	var err error
	for err == nil {
		err = c.stream(events, func(made, came time.Time) error {
			select {
			case <-s.stop:
				return errStop
			case <-s.measure:
				count++
				taken.add(came.Sub(made))
			default:
			}
			return nil
		})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken = append(s.taken, taken...)
	s.result.Requests += count
	if err != errStop {
		s.result.fail(err)
	}
}

// A streamConn is one client's connection.
type streamConn struct {
	conn   net.Conn
	r      *bufio.Reader
	target Target
	chunk  []byte
}

func dialStream(t Target) (*streamConn, error) {
	conn, err := net.Dial("tcp", t.Addr.String())
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	return &streamConn{conn: conn, r: bufio.NewReader(conn), target: t, chunk: make([]byte, EventSize+2)}, nil
}

// stream asks for one stream and calls on for each event of it. Each event
// must be a chunk of its own (RFC 9112 §7.1): this is how a merged flush shows.
func (c *streamConn) stream(events int, on func(made, came time.Time) error) error {
	c.conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := c.conn.Write(c.target.request()); err != nil {
		return fmt.Errorf("load: write: %w", err)
	}
	if err := c.head(); err != nil {
		return err
	}
	for n := 0; ; n++ {
		size, err := c.chunkSize()
		if err != nil {
			return err
		}
		if size == 0 {
			if _, err := c.r.Discard(2); err != nil {
				return fmt.Errorf("load: read: %w", err)
			}
			if n != events {
				return fmt.Errorf("%w: %d, want %d", errCount, n, events)
			}
			return nil
		}
		if size != EventSize {
			return fmt.Errorf("%w: %d bytes", errMerged, size)
		}
		if _, err := io.ReadFull(c.r, c.chunk); err != nil {
			return fmt.Errorf("load: read: %w", err)
		}
		came := time.Now()
		made, err := eventTime(c.chunk[:EventSize])
		if err != nil {
			return err
		}
		if err := on(made, came); err != nil {
			return err
		}
	}
}

// head reads the head of a response and checks it: 200, an event stream, chunked.
func (c *streamConn) head() error {
	line, err := c.r.ReadString('\n')
	if err != nil {
		return fmt.Errorf("load: read: %w", err)
	}
	if !strings.HasPrefix(line, "HTTP/1.1 200") {
		return fmt.Errorf("%w: %q", errStatus, strings.TrimSpace(line))
	}
	h := http.Header{}
	for {
		if line, err = c.r.ReadString('\n'); err != nil {
			return fmt.Errorf("load: read: %w", err)
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			break
		}
		h.Add(name, strings.TrimSpace(value))
	}
	if !strings.HasPrefix(h.Get("Content-Type"), "text/event-stream") || h.Get("Transfer-Encoding") != "chunked" {
		return fmt.Errorf("%w: not a chunked event stream: %v", errHead, h)
	}
	return nil
}

func (c *streamConn) chunkSize() (int64, error) {
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return 0, fmt.Errorf("load: read: %w", err)
	}
	size, err := strconv.ParseInt(strings.TrimSpace(string(line)), 16, 32)
	if err != nil {
		return 0, fmt.Errorf("load: chunk size: %w", err)
	}
	return size, nil
}

package ws

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/hyperion-server/hyperion/wsframe"
)

// Next waits for a message. It is valid until the next call that reads.
func (c *Conn) Next() (op wsframe.Opcode, p []byte, err error) {
	if err := c.enter(context.Background()); err != nil {
		return 0, nil, err
	}
	defer c.exit()
	if err := c.message(); err != nil {
		return 0, nil, err
	}
	return c.op, c.payload, nil
}

// Read waits for a message and appends it to buf.
func (c *Conn) Read(buf []byte) (op wsframe.Opcode, p []byte, err error) {
	return c.ReadContext(context.Background(), buf)
}

// ReadContext is Read, which also ends when ctx does, with the precision of
// netio.SweepInterval.
func (c *Conn) ReadContext(ctx context.Context, buf []byte) (op wsframe.Opcode, p []byte, err error) {
	if err := c.enter(ctx); err != nil {
		return 0, buf, err
	}
	defer c.exit()
	if err := c.message(); err != nil {
		return 0, buf, err
	}
	return c.op, append(buf, c.payload...), nil
}

// enter begins a read by the program, exit ends it.
func (c *Conn) enter(ctx context.Context) error {
	if c.driven {
		return ErrEngineReads
	}
	c.rd.Lock()
	if c.streamed {
		c.exit()
		return ErrReaderOpen
	}
	c.bind(ctx)
	if c.now()-c.heard >= c.cfg.IdleTimeout {
		c.goesOn() // the program was away: a message may wait
	}
	return nil
}

func (c *Conn) exit() {
	c.rd.Unlock()
	c.leave()
}

// message waits for a message, which is payload then.
func (c *Conn) message() error {
	if c.over != nil {
		return c.over
	}
	for {
		whole, err := c.advance()
		if err == nil && whole {
			return nil
		}
		if err == nil {
			err = c.fill()
		}
		if err != nil {
			return c.failed(err)
		}
	}
}

// An interruption ends a read by the program, and not the connection.
type interruption struct{ error }

// failed ends the connection for a program that reads, unless only its own deadline has
// passed, or its context ended.
func (c *Conn) failed(err error) error {
	if i, ok := err.(interruption); ok {
		return i.error
	}
	c.finish(err)
	if c.over = c.Err(); c.over == nil {
		c.over = ErrClosing
	}
	return c.over
}

// fill waits for bytes, and does what is due meanwhile.
func (c *Conn) fill() error {
	if c.dead.Load() {
		return errDead // the transport may have ended
	}
	if c.in == nil {
		c.in, c.r = take(readSmall), 0
		*c.in = append(*c.in, c.kept...)
		if c.kept = nil; len(*c.in) > 0 {
			return nil
		}
	}
	p, direct := c.space()
	for {
		if err := c.arm(); err != nil {
			return err
		}
		n, err := c.t.Read(p)
		if err == nil {
			return c.came(n, direct)
		}
		if !expired(err) {
			return err
		}
		c.t.ReadExpiry(0)
		c.attend()
	}
}

// arm sets until when a read waits: the program's deadline counts, too. It fails when that has
// passed. Who changes what it looks at calls wake afterwards.
func (c *Conn) arm() error {
	for {
		at, by := c.due(), time.Duration(c.deadline.Load())
		if by > 0 && (at == 0 || by < at) {
			at = by
		}
		c.t.ReadExpiry(at)
		if err := c.overdue(); err != nil {
			return err
		}
		if time.Duration(c.deadline.Load()) == by { // else wake may have been before ours
			return nil
		}
	}
}

// overdue reports that the program's context has ended, or its deadline passed.
func (c *Conn) overdue() error {
	select {
	case <-c.bound.done:
		return interruption{context.Cause(c.bound.ctx)}
	default:
	}
	if by := time.Duration(c.deadline.Load()); by != 0 && by <= c.env().Clock.Exact() {
		return interruption{os.ErrDeadlineExceeded}
	}
	return nil
}

// wake has a read that waits look again until when.
func (c *Conn) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended && !c.driven {
		c.t.ReadExpiry(1)
	}
}

// SetReadDeadline sets until when reads by the program wait, with the precision of
// netio.SweepInterval; the zero time is no limit. A read that it ends has lost nothing: the next one goes on.
func (c *Conn) SetReadDeadline(t time.Time) {
	if c.driven {
		return
	}
	by := time.Duration(0)
	if !t.IsZero() {
		by = max(c.env().Clock.Exact()+time.Until(t), 1)
	}
	c.deadline.Store(int64(by))
	c.wake()
}

// A binding is the context that reads obey. It is registered once, however many messages
// are read with it.
type binding struct {
	ctx  context.Context
	done <-chan struct{} // of ctx
	stop func() bool
}

// bind has reads end when ctx does, in place of any context before. rd is held.
func (c *Conn) bind(ctx context.Context) {
	var done <-chan struct{}
	if ctx != nil {
		done = ctx.Done()
	}
	if done == c.bound.done {
		return
	}
	c.unbind()
	c.bound = binding{ctx: ctx, done: done}
	if done != nil && !c.dead.Load() {
		c.bound.stop = context.AfterFunc(ctx, c.wake)
	}
}

// unbind ends the registration of the context.
func (c *Conn) unbind() {
	if c.bound.stop != nil {
		c.bound.stop()
	}
	c.bound = binding{}
}

// A MessageReader reads one message as it comes.
type MessageReader struct {
	c     *Conn
	begun []byte // of the payload, which was gathered before
	came  int    // bytes of the payload that were taken
	read  int    // bytes that the program has, inflated if they were compressed
	end   error  // why nothing more comes
}

// Reader waits for the beginning of a message, and returns a reader of it. It must be
// read to its end, or closed, before another message can be read.
func (c *Conn) Reader() (op wsframe.Opcode, m *MessageReader, err error) {
	if err := c.enter(context.Background()); err != nil {
		return 0, nil, err
	}
	defer c.exit()
	if c.over != nil {
		return 0, nil, c.over
	}
	c.forget()
	for !c.inFrame && c.msg == nil {
		ok, err := c.begin()
		if err == nil && !ok {
			err = c.fill()
		}
		if err != nil {
			return 0, nil, c.failed(err)
		}
	}
	c.streamed = true
	m = &MessageReader{c: c}
	if c.msg != nil { // of a read that was interrupted
		m.begun, c.msg = *c.msg, nil
		c.utf8.Reset()
	}
	if c.compressed {
		c.z.inflate.Open((*rawReader)(m))
	}
	return c.op, m, nil
}

// Read reads what has come of the message, and waits if that is nothing. It returns
// io.EOF at the end.
func (m *MessageReader) Read(p []byte) (n int, err error) {
	c := m.c
	c.rd.Lock()
	defer c.exit()
	switch {
	case m.end != nil:
		return 0, m.end
	case !c.streamed: // Close has dropped the rest
		m.end = ErrClosing
		return 0, m.end
	}
	c.goesOn() // the program may have been away
	if c.compressed {
		n, err = c.z.inflate.Read(p)
	} else {
		n, err = (*rawReader)(m).Read(p)
	}
	m.read += n
	if c.op == wsframe.Text && m.end == nil {
		if bad := c.utf8.Feed(p[:n]); bad != nil {
			err = bad
		} else if err == io.EOF {
			if bad := c.utf8.End(); bad != nil {
				err = bad
			}
		}
	}
	if err == nil {
		return n, nil
	}
	if i, ok := err.(interruption); ok && !c.compressed {
		return n, i.error
	} else if ok { // the state of DEFLATE is lost
		err = i.error
	}
	switch err {
	case io.EOF:
		c.countIn(m.read, m.came)
	case errTorn:
		err = c.failed(io.EOF)
	default:
		err = c.failed(err)
	}
	m.end, c.streamed = err, false
	return n, err
}

// Close reads what is left of the message, and drops it.
func (m *MessageReader) Close() error {
	_, err := io.Copy(io.Discard, m)
	return err
}

// errTorn is the end of the connection within a message.
var errTorn = errors.New("websocket: end within a message")

// A rawReader reads the payload of the frames of a message. rd is held. io.EOF is the end of that alone.
type rawReader MessageReader

func (m *rawReader) Read(p []byte) (int, error) {
	c := m.c
	if len(p) == 0 {
		return 0, nil
	}
	if len(m.begun) > 0 {
		n := copy(p, m.begun)
		m.begun = m.begun[n:]
		m.came += n
		return n, nil
	}
	for {
		if c.inFrame && c.rest > 0 && len(c.unread()) > 0 {
			b := c.unread()
			n := copy(p[:min(uint64(len(p)), c.rest)], b)
			c.r += n
			c.unmask(p[:n])
			m.came += n
			return n, nil
		}
		if c.inFrame && c.rest == 0 {
			c.inFrame = false
			if c.fin {
				return 0, io.EOF
			}
		}
		ok := c.inFrame
		if !ok {
			var err error
			if ok, err = c.begin(); err != nil {
				return 0, err
			}
		}
		if !ok || len(c.unread()) == 0 && c.rest > 0 {
			if err := c.fill(); err == io.EOF {
				return 0, errTorn
			} else if err != nil {
				return 0, err
			}
		}
	}
}

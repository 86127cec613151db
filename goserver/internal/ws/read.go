package ws

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/hyperion-server/hyperion/wsframe"
)

// Next waits for a message. It is valid until the next call that reads.
func (c *Conn) Next() (op wsframe.Opcode, p []byte, err error) {
	if err := c.enter(); err != nil {
		return 0, nil, err
	}
	err = c.message()
	op, p = c.op, c.payload
	c.exit()
	if err != nil {
		return 0, nil, err
	}
	return op, p, nil
}

// Read waits for a message and appends it to buf.
func (c *Conn) Read(buf []byte) (op wsframe.Opcode, p []byte, err error) {
	if err := c.enter(); err != nil {
		return 0, buf, err
	}
	if err = c.message(); err == nil {
		op, buf = c.op, append(buf, c.payload...)
	}
	c.exit()
	return op, buf, err
}

// enter begins a read by the program, exit ends it.
func (c *Conn) enter() error {
	if c.h != nil {
		return ErrEngineReads
	}
	c.rd.Lock()
	if c.streamed {
		c.rd.Unlock()
		return ErrReaderOpen
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

// failed ends the connection for a program that reads, unless only its own deadline has passed.
func (c *Conn) failed(err error) error {
	if c.interrupted(err) {
		return err
	}
	c.finish(err)
	c.over = c.Err()
	if c.over == nil {
		c.over = ErrClosing
	}
	return c.over
}

// fill waits for bytes, and does what is due meanwhile.
func (c *Conn) fill() error {
	if c.in == nil {
		c.in, c.r = take(readSmall), 0
		*c.in = append(*c.in, c.kept...)
		if c.kept = nil; len(*c.in) > 0 {
			return nil
		}
	}
	p, direct := c.space()
	for {
		c.arm()
		n, err := c.t.Read(p)
		if err == nil {
			return c.came(n, direct)
		}
		if !expired(err) {
			return err
		}
		c.t.ReadExpiry(0)
		if err := c.overdue(); err != nil {
			return err
		}
		c.attend()
	}
}

// arm sets until when a read waits: the program's deadline counts, too.
func (c *Conn) arm() {
	for {
		at, by := c.due(), time.Duration(c.deadline.Load())
		if by > 0 && (at == 0 || by < at) {
			at = by
		}
		c.t.ReadExpiry(at)
		if time.Duration(c.deadline.Load()) == by { // else it may have been set before ours
			return
		}
	}
}

// overdue reports that the program's deadline has passed, or its context ended.
func (c *Conn) overdue() error {
	by := time.Duration(c.deadline.Load())
	if by == 0 || by > c.e.env.Clock.Exact() {
		return nil
	}
	if ctx := c.bound.ctx; ctx != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return os.ErrDeadlineExceeded
}

func (c *Conn) interrupted(err error) bool {
	return err == os.ErrDeadlineExceeded || c.bound.ctx != nil && err == context.Cause(c.bound.ctx)
}

// SetReadDeadline sets until when reads by the program wait, with the precision of
// netio.SweepInterval; the zero time is no limit. A read that it ends has lost nothing: the next one goes on.
func (c *Conn) SetReadDeadline(t time.Time) {
	by := time.Duration(0)
	if !t.IsZero() {
		by = max(c.e.env.Clock.Exact()+time.Until(t), 1)
	}
	c.deadline.Store(int64(by))
	c.t.ReadExpiry(by)
}

// A binding is the context that reads obey. It is registered once, however many messages
// are read with it.
type binding struct {
	ctx  context.Context
	stop func() bool
}

// Bind has reads end when ctx does, in place of any context before; nil is none. Who reads calls it.
func (c *Conn) Bind(ctx context.Context) {
	if c.bound.ctx == ctx {
		return
	}
	if c.bound.stop != nil {
		c.bound.stop()
		c.SetReadDeadline(time.Time{})
	}
	c.bound = binding{ctx: ctx}
	if ctx != nil && ctx.Done() != nil {
		c.bound.stop = context.AfterFunc(ctx, func() { c.SetReadDeadline(time.Unix(1, 0)) })
	}
}

// A MessageReader reads one message as it comes.
type MessageReader struct {
	c   *Conn
	end error // why nothing more comes
}

// Reader waits for the beginning of a message, and returns a reader of it. It must be
// read to its end, or closed, before another message can be read.
func (c *Conn) Reader() (op wsframe.Opcode, m *MessageReader, err error) {
	if err := c.enter(); err != nil {
		return 0, nil, err
	}
	defer c.exit()
	if c.over != nil {
		return 0, nil, c.over
	}
	c.forget()
	for !c.inFrame {
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
	if c.compressed {
		c.inflate.Open((*rawReader)(m))
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
	case c.compressed:
		n, err = c.inflate.Read(p)
	default:
		n, err = (*rawReader)(m).Read(p)
	}
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
	if err != io.EOF {
		err = c.failed(err)
		if c.interrupted(err) {
			return n, err
		}
	}
	m.end, c.streamed = err, false
	return n, err
}

// Close reads what is left of the message, and drops it.
func (m *MessageReader) Close() error {
	if _, err := io.Copy(io.Discard, m); err != nil {
		return err
	}
	return nil
}

// A rawReader reads the payload of the frames of a message. rd is held.
type rawReader MessageReader

func (m *rawReader) Read(p []byte) (int, error) {
	c := m.c
	if len(p) == 0 {
		return 0, nil
	}
	for {
		if c.inFrame && c.rest > 0 && len(c.unread()) > 0 {
			b := c.unread()
			n := copy(p[:min(uint64(len(p)), c.rest)], b)
			c.r += n
			c.unmask(p[:n])
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
			if err := c.fill(); err != nil {
				return 0, err
			}
		}
	}
}

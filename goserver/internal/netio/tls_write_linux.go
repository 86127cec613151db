package netio

import (
	"bytes"
	"errors"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
)

// Sizes of what gathers to be written, in bytes of ciphertext.
const (
	outSpace    = 72 << 10          // four full records and what they cost
	outRecord   = maxPlain + 256    // one, at most (TLS 1.2 with CBC is the worst)
	outSlow     = outRecord         // for a peer that takes less than it is sent
	outAnswers  = outSpace + 16<<10 // with what crypto/tls answers while the peer takes nothing
	outShrunken = outSpace / 2      // less than this is kept in memory of its own size by who waits
)

// errAnswersUnread reports a peer that makes crypto/tls answer, with key updates
// (RFC 8446 §4.6.3), and does not read the answers.
var errAnswersUnread = errors.New("netio: peer asks for key updates and does not read")

var (
	outSpaces  = sync.Pool{New: func() any { return new([outSpace]byte) }}
	plainTexts = sync.Pool{New: func() any { return new([maxPlain]byte) }}
)

// Write takes records from crypto/tls. It never waits, except for a detached connection.
func (w *wire) Write(p []byte) (int, error) {
	c := (*tlsConn)(w)
	if c.detached != nil {
		return c.writeDetached(p)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.werr != nil {
		return 0, c.werr
	}
	if c.inKernel() {
		c.kernel.takeRecords(p)
		return len(p), nil
	}
	c.sentRecords(p)
	if c.out == nil {
		c.out = outSpaces.Get().(*[outSpace]byte)[:0]
	}
	c.out = append(c.out, p...)
	return len(p), nil
}

// releaseOut gives the memory of out back when all has left. mu is held.
func (c *tlsConn) releaseOut() {
	if c.sent < len(c.out) || c.out == nil {
		return
	}
	if cap(c.out) == outSpace {
		outSpaces.Put((*[outSpace]byte)(c.out[:outSpace]))
	}
	c.out, c.sent = nil, 0
}

// shrinkOut leaves no more memory with a connection that waits than it needs. mu is held.
func (c *tlsConn) shrinkOut() {
	if left := c.out[c.sent:]; len(left) < outShrunken && cap(c.out) >= outSpace {
		left = bytes.Clone(left)
		c.sent = len(c.out)
		c.releaseOut()
		c.out = left
	}
}

// push sends what the peer takes now. all reports that nothing is left. busy
// tells whether the caller goes on writing.
func (c *tlsConn) push(busy bool) (all bool, err error) {
	c.mu.Lock()
	c.busy = busy
	all, err = c.pushOut()
	others := c.spent >= fairShare
	if others {
		c.spent = 0
	}
	c.mu.Unlock()
	if others {
		c.MayBlock()
		runtime.Gosched()
	}
	return all, err
}

// pushOut is push for who holds mu.
func (c *tlsConn) pushOut() (all bool, err error) {
	if c.inKernel() {
		return c.pushOwed()
	}
	for c.werr == nil && c.sent < len(c.out) {
		if c.werr = c.writeStop(); c.werr != nil {
			break
		}
		n, errno := send(int(c.fd), c.out[c.sent:], 0)
		c.sent += int(n)
		c.spent += uint32(n)
		if errno == syscall.EAGAIN {
			break
		}
		if errno != 0 {
			c.werr = os.NewSyscallError("send", errno)
		}
	}
	all, err = c.sent == len(c.out), c.writeError()
	c.releaseOut()
	return all, err
}

// writeError returns why nothing may be written any more, if so. mu is held.
func (c *tlsConn) writeError() error {
	if c.werr != nil && c.flags.Load()&flagAborted != 0 {
		return ErrAborted
	}
	return c.werr
}

// pushAnswers sends what crypto/tls wrote in a Read: alerts and key updates. What
// it wrote while somebody else writes leaves with that.
func (c *tlsConn) pushAnswers() (err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	left := c.unsent()
	switch {
	case left > outAnswers:
		return errAnswersUnread
	case left > 0 && !c.busy:
		_, err = c.pushOut()
	}
	return err
}

// flush sends all, and waits where it must.
func (c *tlsConn) flush() error {
	waited := false
	for {
		all, err := c.push(false)
		if all || err != nil {
			c.slow = waited
			return err
		}
		waited = true
		c.mu.Lock()
		c.shrinkOut()
		c.mu.Unlock()
		if err := c.waitWrite(); err != nil {
			c.mu.Lock()
			c.werr = err // the next bytes would not be in order
			c.mu.Unlock()
			return err
		}
	}
}

// flushAnswers is flush for who reads, of what crypto/tls wrote then. While somebody else writes
// it leaves that to him, and does not wait.
func (c *tlsConn) flushAnswers() (err error) {
	for all := false; ; {
		c.mu.Lock()
		if all = c.busy || c.owed || c.unsent() == 0; !all {
			all, err = c.pushOut()
		}
		c.mu.Unlock()
		if all || err != nil || !c.waits.TryLock() {
			return err
		}
		err = c.epollConn.waitWrite()
		c.waits.Unlock()
		if err != nil {
			return err
		}
	}
}

// waitWrite waits as the socket's does, of which one at a time may.
func (c *tlsConn) waitWrite() error {
	c.MayBlock()
	c.waits.Lock()
	defer c.waits.Unlock()
	return c.epollConn.waitWrite()
}

// room returns how many bytes of plaintext, if any, may be encrypted before more has to leave.
func (c *tlsConn) room() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	limit := outSpace
	if c.slow {
		limit = outSlow
	}
	free := limit - (len(c.out) - c.sent)
	return max(free/outRecord*maxPlain, 0)
}

func (c *tlsConn) CanWrite() error {
	if c.inKernel() {
		return c.waitWrite()
	}
	return c.flush()
}

func (c *tlsConn) Write(p []byte) (int, error) {
	n, err := c.writeVec([][]byte{p}, true)
	return int(n), err
}

func (c *tlsConn) Writev(v ...[]byte) (int64, error) { return c.writeVec(v, true) }

// TryWritev encrypts at once what there is room for. The last byte of a call whose
// records did not all leave is not counted: it is owed. So the caller comes back
// with it, and what was encrypted leaves then; the byte itself is skipped.
func (c *tlsConn) TryWritev(v ...[]byte) (int64, error) { return c.writeVec(v, false) }

func (c *tlsConn) writeVec(v [][]byte, wait bool) (n int64, err error) {
	if v = advance(v, 0); len(v) == 0 {
		return 0, nil
	}
	if c.inKernel() {
		return c.writePlainVec(v, wait)
	}
	var small *[maxPlain]byte // where slices are gathered
	all := true
	for len(v) > 0 {
		if c.owed || c.room() == 0 {
			if all, err = c.drain(wait, true); !all || err != nil {
				break
			}
		}
		if c.owed {
			c.setOwed(false)
			n, v = 1, advance(v, 1)
			continue
		}
		var p []byte
		p, v, small = nextPiece(v, small)
		if err = c.encrypt(p); err != nil {
			break
		}
		n += int64(len(p))
	}
	if small != nil {
		plainTexts.Put(small)
	}
	if all && err == nil {
		all, err = c.drain(wait, false)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy = false
	if !all && err == nil && n > 0 {
		n, c.owed = n-1, true
	}
	return n, err
}

// setOwed is for who writes, whose it is to read.
func (c *tlsConn) setOwed(owed bool) {
	c.mu.Lock()
	c.owed = owed
	c.mu.Unlock()
}

// drain sends what gathered: all of it when wait is true.
func (c *tlsConn) drain(wait, busy bool) (all bool, err error) {
	if wait {
		err := c.flush()
		return err == nil, err
	}
	return c.push(busy)
}

// encrypt has crypto/tls make records of p, into out.
func (c *tlsConn) encrypt(p []byte) error {
	if c.fd < 0 {
		return net.ErrClosed
	}
	c.mu.Lock()
	c.busy = true
	err := c.writeError()
	c.mu.Unlock()
	if err != nil {
		return err
	}
	_, err = c.tc.Write(p)
	return err
}

// nextPiece returns the next bytes of v for one record, at most, and what follows. Small
// slices are gathered in memory that is got when it is nil.
func nextPiece(v [][]byte, small *[maxPlain]byte) (p []byte, rest [][]byte, _ *[maxPlain]byte) {
	if p = v[0]; len(p) >= maxPlain || len(v) == 1 {
		p = p[:min(len(p), maxPlain)]
		return p, advance(v, len(p)), small
	}
	if small == nil {
		small = plainTexts.Get().(*[maxPlain]byte)
	}
	n := 0
	for len(v) > 0 && n < maxPlain {
		m := copy(small[n:], v[0])
		n += m
		v = advance(v, m)
	}
	return small[:n], v, small
}

package netio

import (
	"errors"
	"net"
	"syscall"

	"github.com/hyperion-server/hyperion/goserver/internal/ktls"
)

// A kernelTLS is what a tlsConn has of kernel TLS: during the handshake what
// observes it, and from its end on, if the kernel took over, the state of
// crypto/tls, which goes on making records of its own: alerts, answers to
// KeyUpdates. The kernel sends their content. They are ciphertext until then.
//
// mu of the tlsConn guards it once the handshake has ended.
type kernelTLS struct {
	handshake *ktls.Handshake // until the handshake has ended
	sealed    *ktls.Sealed    // from then on
	owed      []byte          // records of crypto/tls that were not yet opened
	typ       byte            // of the record that was opened and has not left
	content   []byte          // of it; nil: there is none
	stale     bool            // the peer has asked for new keys, and the kernel cannot change them
}

// inKernel reports whether the kernel seals what is written to the descriptor.
func (c *tlsConn) inKernel() bool { return c.kernel != nil && c.kernel.sealed != nil }

// observe begins to look for what the kernel has to know.
func (c *tlsConn) observe() {
	if s := c.engine().cfg.TLS.Kernel; s != nil && !c.unix {
		c.kernel = &kernelTLS{handshake: s.Handshake()}
	}
}

// received and sentRecords are told of what passes in the handshake.
func (c *tlsConn) received(p []byte) {
	if k := c.kernel; k != nil && k.handshake != nil {
		k.handshake.Received(p)
	}
}

func (c *tlsConn) sentRecords(p []byte) {
	if k := c.kernel; k != nil && k.handshake != nil {
		k.handshake.Sent(p)
	}
}

// offload gives the sending half to the kernel after the handshake, when all that
// was made has left. What the kernel cannot do stays with crypto/tls.
func (c *tlsConn) offload() {
	k := c.kernel
	if k == nil {
		return
	}
	state := c.tc.ConnectionState()
	sealed, err := k.handshake.Sealed(state.Version, state.CipherSuite)
	if err == nil {
		err = sealed.Enable(int(c.fd))
	}
	c.unobserve()
	if err != nil {
		return
	}
	c.kernel = &kernelTLS{sealed: sealed}
	c.engine().tls.kernel.Add(1)
}

// unobserve ends the observation, if one is running.
func (c *tlsConn) unobserve() {
	if k := c.kernel; k != nil && k.handshake != nil {
		k.handshake.End()
		c.kernel = nil
	}
}

// leaveKernel ends what the engine keeps of it. The kernel itself stops when the
// last descriptor of the socket is closed.
func (c *tlsConn) leaveKernel() {
	c.unobserve()
	if c.inKernel() && c.detached == nil {
		c.engine().tls.kernel.Add(-1)
	}
}

// unsent returns how many bytes of crypto/tls have not left. mu is held.
func (c *tlsConn) unsent() int {
	if c.inKernel() {
		return len(c.kernel.owed) + len(c.kernel.content)
	}
	return len(c.out) - c.sent
}

// pushOwed is push for what crypto/tls wrote after the switch. mu is held.
func (c *tlsConn) pushOwed() (all bool, err error) {
	if c.unsent() == 0 {
		return true, c.writeError()
	}
	if c.werr == nil {
		c.werr = c.writeStop()
	}
	if c.werr == nil {
		all, c.werr = c.sendOwed()
	}
	return all, c.writeError()
}

// sendOwed sends what crypto/tls wrote, as far as the peer takes it now. No write may be
// under way. mu is held.
func (c *tlsConn) sendOwed() (all bool, err error) {
	k := c.kernel
	for {
		if k.content == nil {
			if len(k.owed) == 0 {
				k.owed = nil
				return true, nil
			}
			if k.typ, k.content, k.owed, err = k.sealed.Open(k.owed); err != nil {
				return false, err
			}
		}
		if err := k.send(int(c.fd)); err != nil {
			if err == syscall.EAGAIN {
				err = nil
			}
			return false, err
		}
		k.content = nil
	}
}

// send sends the opened record. A KeyUpdate that the kernel cannot follow must not
// be sent (RFC 8446 §4.6.3): then the connection ends when it is idle.
func (k *kernelTLS) send(fd int) error {
	update := ktls.IsKeyUpdate(k.typ, k.content)
	if update && !ktls.CanRekey() {
		k.stale = true
		return nil
	}
	if err := ktls.SendRecord(fd, k.typ, k.content); err != nil || !update {
		return err
	}
	return k.sealed.Rekey(fd)
}

// unanswered reports that the peer asked for new keys and can have none.
func (c *tlsConn) unanswered() bool {
	if !c.inKernel() {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kernel.stale
}

// writePlain runs write, which writes plaintext to the descriptor. What crypto/tls
// writes meanwhile leaves afterwards. An error stays: the kernel may hold a part of
// a record then.
func (c *tlsConn) writePlain(write func(c *epollConn) error) error {
	c.mu.Lock()
	err := c.writeError()
	if err == nil && c.fd < 0 {
		err = net.ErrClosed
	}
	c.busy = err == nil
	c.mu.Unlock()
	if err != nil {
		return err
	}
	err = write(&c.epollConn)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy = false
	if err == nil {
		_, err = c.sendOwed()
	}
	c.werr = err
	return err
}

func (c *tlsConn) writePlainVec(v [][]byte, wait bool) (n int64, err error) {
	err = c.writePlain(func(c *epollConn) (err error) {
		if wait {
			n, err = c.Writev(v...)
		} else {
			n, err = c.TryWritev(v...)
		}
		return err
	})
	return n, err
}

func (c *tlsConn) sendFilePlain(head []byte, f File, off, n int64, ask Rung) (sent int64, used Rung, err error) {
	used = RungCopy
	err = c.writePlain(func(c *epollConn) (err error) {
		sent, used, err = c.SendFile(head, f, off, n, ask)
		return err
	})
	return sent, used, err
}

// takeRecords keeps records that crypto/tls wrote. mu is held.
func (k *kernelTLS) takeRecords(p []byte) { k.owed = append(k.owed, p...) }

// writeDetached takes records from crypto/tls when the connection is the program's
// own: it writes to the *tls.Conn.
func (c *tlsConn) writeDetached(p []byte) (int, error) {
	if !c.inKernel() {
		return c.detached.Write(p)
	}
	if err := c.kernel.sendOpened(c.detached, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// sendOpened sends what is in records of crypto/tls.
func (k *kernelTLS) sendOpened(nc net.Conn, p []byte) error {
	k.takeRecords(p)
	for len(k.owed) > 0 {
		var err error
		if k.typ, k.content, k.owed, err = k.sealed.Open(k.owed); err != nil {
			return err
		}
		if k.typ == ktls.TypeApplicationData {
			_, err = nc.Write(k.content)
		} else {
			err = k.sendDetached(nc)
		}
		if err != nil {
			return err
		}
	}
	k.owed = nil
	return nil
}

func (k *kernelTLS) sendDetached(nc net.Conn) error {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return errors.ErrUnsupported
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return err
	}
	werr := raw.Write(func(fd uintptr) bool {
		err = k.send(int(fd))
		return err != syscall.EAGAIN
	})
	return errors.Join(werr, err)
}

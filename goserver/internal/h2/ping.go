package h2

import "time"

// A pinger asks a peer that has been silent for a sign of life.
type pinger struct {
	at   time.Duration // coarse time at which to ask, or by which an answer must come
	sent bool
}

var lifePing = [8]byte{'a', 'l', 'i', 'v', 'e'}

// pingAt is when the peer is to be asked, or must have answered; 0 for never.
// c.mu is held.
func (c *conn) pingAt() time.Duration {
	p := &c.ping
	if c.e.cfg.Ping <= 0 || c.active == 0 {
		return 0
	}
	if p.at == 0 {
		p.at = c.e.cfg.Clock.Until(c.e.cfg.Ping)
	}
	return p.at
}

// askForLife sends a PING, or gives a peer up that did not answer the last one.
func (c *conn) askForLife() error {
	p := &c.ping
	if p.sent {
		return errPingTimeout
	}
	p.sent, p.at = true, 0
	o := c.out()
	o.buf = appendPing(o.buf, 0, &lifePing)
	return nil
}

// heard notes that something came from the peer.
func (c *conn) heard() { c.ping = pinger{} }

// pinged takes the answer to a PING of ours.
func (c *conn) pinged(data *[8]byte) error {
	if *data == drainPing {
		c.mu.Lock()
		c.finalGoAway()
		c.mu.Unlock()
		return nil
	}
	return c.guard.spend(c.now(), costPing)
}

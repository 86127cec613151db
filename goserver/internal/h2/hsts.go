package h2

import "github.com/hyperion-server/hyperion/hpack"

// appendHSTS appends Strict-Transport-Security to a head that leaves over TLS
// (RFC 6797 §7.1, §7.2). c.mu is held.
func (c *conn) appendHSTS(b []byte) []byte {
	if c.info.TLS == nil || c.e.cfg.HSTS == "" {
		return b
	}
	return c.enc.AppendString(b, "strict-transport-security", c.e.cfg.HSTS, hpack.Index)
}

package h1

// appendHSTS appends Strict-Transport-Security to a head that leaves over TLS
// (RFC 6797 §7.1, §7.2).
func (s *Session) appendHSTS(b []byte) []byte {
	if !s.sendsHSTS() {
		return b
	}
	return appendField(b, "Strict-Transport-Security", s.cfg.HSTS)
}

func (s *Session) sendsHSTS() bool { return s.tls && s.cfg.HSTS != "" }

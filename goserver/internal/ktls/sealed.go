package ktls

import "crypto/tls"

// A Sealed is the sending half of a connection as crypto/tls has it: the traffic
// secret and the sequence number of the next record that it would make. It opens
// the records that crypto/tls makes after the kernel took over.
//
// It holds the secret as long as it lives, as crypto/tls does. It is not safe for
// concurrent use.
type Sealed struct {
	suiteID   uint16
	secretLen int
	seq       uint64
	secret    [maxSecret]byte
}

// Enable gives the state to the kernel for a connected TCP socket, to which all
// records made so far have been written. On an error nothing has changed for
// what is written to the socket.
func (t *Sealed) Enable(fd int) error {
	return Enable(fd, tls.VersionTLS13, t.suiteID, t.secret[:t.secretLen], t.seq)
}

// Open opens the first of the records in p, which crypto/tls has made since, in
// their order. Content is new memory.
func (t *Sealed) Open(p []byte) (typ byte, content, rest []byte, err error) {
	record, rest, ok := nextRecord(p)
	if !ok {
		return 0, nil, p, ErrRecord
	}
	s, err := suiteOf(t.suiteID)
	if err != nil {
		return 0, nil, p, err
	}
	keys, err := newProtection(s, t.secret[:t.secretLen])
	if err != nil {
		return 0, nil, p, err
	}
	content, typ, err = keys.open(nil, record, t.seq)
	if err != nil {
		return 0, nil, p, err
	}
	t.seq++
	if IsKeyUpdate(typ, content) {
		err = t.update(s)
	}
	return typ, content, rest, err
}

// update follows crypto/tls to the next secret, which it uses after a KeyUpdate
// (RFC 8446 §7.2).
func (t *Sealed) update(s suite) error {
	next, err := s.next(t.secret[:t.secretLen])
	if err != nil {
		return err
	}
	copy(t.secret[:], next)
	clear(next)
	t.seq = 0
	return nil
}

// Rekey gives the kernel the secret that follows a KeyUpdate, once that was opened
// and its content sent.
func (t *Sealed) Rekey(fd int) error {
	return Rekey(fd, tls.VersionTLS13, t.suiteID, t.secret[:t.secretLen])
}

// IsKeyUpdate reports whether a record is a KeyUpdate message.
func IsKeyUpdate(typ byte, content []byte) bool {
	return typ == TypeHandshake && len(content) > 0 && content[0] == HandshakeKeyUpdate
}

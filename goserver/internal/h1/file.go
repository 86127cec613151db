package h1

import (
	"errors"
	"io"
	"slices"
	"syscall"

	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/goserver/internal/netio"
	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// sendFile sends what has gathered and then n bytes of f from off, by the rung
// that the server is set to. A file that has become shorter, or cannot be read,
// ends the connection, since its length was promised. sent counts bytes of f.
func (s *Session) sendFile(f direct.File, off, n int64) (sent int64) {
	if s.werr != nil || n == 0 {
		return 0
	}
	rung, err := netio.RungSmall, error(nil)
	if s.gathers(n) {
		sent, err = s.gatherFile(f, off, n)
	} else {
		s.markFirstByte()
		sent, rung, err = s.conn.SendFile(s.out, f, off, n, s.cfg.FileRung)
		s.out = s.out[:0]
	}
	s.sent += sent
	semantics.Bump(&s.tally.Files[rung], 1)
	if err != nil {
		s.fileFailed(f, err)
	}
	return sent
}

// gathers reports whether n bytes of a file wait in the session's buffer for
// more to be sent with them, as other short pieces of responses do.
func (s *Session) gathers(n int64) bool {
	ask := s.cfg.FileRung
	return int64(len(s.out))+n <= outFlush && (ask == netio.RungAuto || ask == netio.RungSmall)
}

// gatherFile reads n bytes of f behind what has gathered.
func (s *Session) gatherFile(f direct.File, off, n int64) (int64, error) {
	s.conn.MayBlock() // on the disk
	at := len(s.out)
	s.out = slices.Grow(s.out, int(n))
	m, err := f.ReadAt(s.out[at:at+int(n)], off)
	s.out = s.out[:at+m]
	if int64(m) == n {
		return n, nil
	}
	s.flush() // with it responses that are whole
	if err == io.EOF {
		err = netio.ErrFileShrank
	}
	return int64(m), err
}

// fileFailed ends the connection; only what the file is to blame for is logged.
func (s *Session) fileFailed(f direct.File, err error) {
	s.werr = err
	s.keep = false
	if errors.Is(err, netio.ErrFileShrank) {
		direct.Shrank(f)
		s.cfg.Logf("goserver: %s became shorter while it was sent", f.Name())
	} else if errors.Is(err, syscall.EIO) {
		s.cfg.Logf("goserver: reading %s while it was sent: %v", f.Name(), err)
	}
}

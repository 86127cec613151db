package goserver

import (
	"fmt"

	"github.com/hyperion-server/hyperion/goserver/internal/netio"
	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// ErrFileRung is in the error of the Serve methods when Server.FileRung is no
// name of a rung.
var ErrFileRung = netio.ErrUnknownRung

// A FileRung is a way to send the bytes of a file. They form a ladder: one that
// cannot be used, or not any more, leaves the rest to the next.
type FileRung struct {
	Name   string
	Use    string // what it is for
	Reason string // why this system never uses it; "" when it does
}

// FileRungs returns the ladder, the first rung first.
func FileRungs() []FileRung {
	rung := func(r netio.Rung, use string) FileRung { return FileRung{r.String(), use, netio.MissingRung(r)} }
	return []FileRung{
		rung(netio.RungPage, "whole responses in memory, one write"),
		rung(netio.RungSmall, fmt.Sprintf("up to 16 KiB, or %d KiB when it is asked for: head and file in one write", netio.SmallMax>>10)),
		rung(netio.RungSplice, "through a pipe, only when asked for"),
		rung(netio.RungSendfile, "longer files, within the kernel"),
		rung(netio.RungCopy, "TLS, and what the others cannot do"),
	}
}

// fileRung returns the rung that s is set to.
func (s *Server) fileRung() (netio.Rung, error) {
	r, err := netio.ParseRung(s.FileRung)
	if err != nil {
		err = fmt.Errorf("goserver: Server.FileRung: %w", err)
	}
	return r, err
}

func fileResponses(c *semantics.Counters) map[string]int64 {
	sent := make(map[string]int64, netio.Rungs-1)
	for r, n := range c.FileTotals() {
		if r := netio.Rung(r); r != netio.RungAuto {
			sent[r.String()] = n
		}
	}
	return sent
}

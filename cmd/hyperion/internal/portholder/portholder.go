// Package portholder finds the process that listens on a TCP port, by the
// tables of Linux' /proc. Its one type is Holder.
package portholder

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path"
	"strconv"
	"strings"
)

// Why a holder is not known.
var (
	ErrNotPermitted = errors.New("not permitted to look into the processes of other users")
	ErrNotFound     = errors.New("no process of this machine's process table has the socket")
	ErrUnsupported  = errors.New("this system has no /proc/net/tcp")
)

// A Holder is a process that listens.
type Holder struct {
	PID  int
	Name string // as in /proc/PID/comm
}

func (h Holder) String() string { return fmt.Sprintf("pid %d (%s)", h.PID, h.Name) }

// Find returns the process whose listening socket keeps addr from being bound:
// one on the same port at the same or at every address.
func Find(addr netip.AddrPort) (Holder, error) { return find(os.DirFS("/proc"), addr) }

func find(proc fs.FS, addr netip.AddrPort) (Holder, error) {
	inodes := map[string]bool{}
	tables := 0
	for _, name := range []string{"net/tcp", "net/tcp6"} {
		f, err := proc.Open(name)
		if err != nil {
			continue
		}
		tables++
		listeners(bufio.NewScanner(f), addr, inodes)
		f.Close()
	}
	switch {
	case tables == 0:
		return Holder{}, ErrUnsupported
	case len(inodes) == 0:
		return Holder{}, ErrNotFound
	}
	return owner(proc, inodes)
}

// listeners adds the inodes of the listening sockets of a table that conflict
// with addr.
func listeners(table *bufio.Scanner, addr netip.AddrPort, inodes map[string]bool) {
	const local, state, inode, listen = 1, 3, 9, "0A" // columns, and TCP_LISTEN
	table.Scan()                                      // the heading
	for table.Scan() {
		col := strings.Fields(table.Text())
		if len(col) <= inode || col[state] != listen {
			continue
		}
		if at, ok := parseAddr(col[local]); ok && conflict(at, addr) {
			inodes[col[inode]] = true
		}
	}
}

// conflict reports whether a listener at one address keeps the other from being
// bound. Across families only an IPv6 socket for every address does.
func conflict(a, b netip.AddrPort) bool {
	x, y := a.Addr().Unmap(), b.Addr().Unmap().WithZone("")
	switch {
	case a.Port() != b.Port():
		return false
	case y.IsValid() && x.Is4() != y.Is4():
		return x == netip.IPv6Unspecified() || y == netip.IPv6Unspecified()
	}
	return x == y || !y.IsValid() || x.IsUnspecified() || y.IsUnspecified()
}

// parseAddr reads "0100007F:2454": 32-bit groups in the machine's byte order,
// then the port in plain hexadecimal.
func parseAddr(s string) (netip.AddrPort, bool) {
	host, port, _ := strings.Cut(s, ":")
	raw, err := hex.DecodeString(host)
	p, errPort := strconv.ParseUint(port, 16, 16)
	if err != nil || errPort != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	ip, ok := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(ip, uint16(p)), ok
}

// owner finds the process that has one of the sockets among its descriptors.
func owner(proc fs.FS, inodes map[string]bool) (Holder, error) {
	entries, err := fs.ReadDir(proc, ".")
	if err != nil {
		return Holder{}, ErrUnsupported
	}
	missing := ErrNotFound
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		dir := path.Join(e.Name(), "fd")
		fds, err := fs.ReadDir(proc, dir)
		if errors.Is(err, fs.ErrPermission) {
			missing = ErrNotPermitted
		}
		for _, fd := range fds {
			target, err := fs.ReadLink(proc, path.Join(dir, fd.Name()))
			if err != nil {
				continue // closed since
			}
			if inode, ok := strings.CutPrefix(target, "socket:["); ok && inodes[strings.TrimSuffix(inode, "]")] {
				return Holder{PID: pid, Name: name(proc, e.Name())}, nil
			}
		}
	}
	return Holder{}, missing
}

func name(proc fs.FS, pid string) string {
	comm, err := fs.ReadFile(proc, path.Join(pid, "comm"))
	if err != nil {
		return "?"
	}
	return strings.TrimSuffix(string(comm), "\n")
}

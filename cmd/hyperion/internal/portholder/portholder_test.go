package portholder

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
)

// hex32 spells an address as the kernel does on this machine.
func hex32(b ...byte) string {
	var s strings.Builder
	for i := 0; i < len(b); i += 4 {
		const digits = "0123456789ABCDEF"
		for shift := 28; shift >= 0; shift -= 4 {
			s.WriteByte(digits[binary.NativeEndian.Uint32(b[i:])>>shift&15])
		}
	}
	return s.String()
}

const heading = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"

func row(local, state, inode string) string {
	return "   0: " + local + " 00000000:0000 " + state + " 00000000:00000000 00:00000000 00000000  1000        0 " + inode + " 1 0 100 0 0 10 0\n"
}

// denied is a process table in which the descriptors of one process are closed to us.
type denied struct {
	fstest.MapFS
	dir string
}

func (d denied) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == d.dir {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return d.MapFS.ReadDir(name)
}

func TestFind_table(t *testing.T) {
	loopback4 := hex32(127, 0, 0, 1)
	any6 := strings.Repeat("0", 32)
	mapped := hex32(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1)
	table := fstest.MapFS{
		"net/tcp": {Data: []byte(heading +
			row(loopback4+":2454", "01", "90") + // established: holds nothing
			row(loopback4+":2454", "0A", "100") +
			row(hex32(192, 0, 2, 9)+":0050", "0A", "101"))},
		"net/tcp6": {Data: []byte(heading + row(any6+":1F90", "0A", "102") + row(mapped+":01BB", "0A", "103") + "garbage\n" + row("XX:1", "0A", "1"))},
		"17/comm":  {Data: []byte("other\n")},
		"17/fd/3":  {Data: []byte("socket:[90]"), Mode: fs.ModeSymlink},
		"42/comm":  {Data: []byte("caddy\n")},
		"42/fd/1":  {Data: []byte("/dev/null"), Mode: fs.ModeSymlink},
		"42/fd/7":  {Data: []byte("socket:[100]"), Mode: fs.ModeSymlink},
		"42/fd/8":  {Data: []byte("socket:[102]"), Mode: fs.ModeSymlink},
		"42/fd/9":  {Data: []byte("socket:[103]"), Mode: fs.ModeSymlink},
		"self":     {Data: nil},
	}
	other := fstest.MapFS{
		"net/tcp":  {Data: []byte(heading + row(loopback4+":2454", "0A", "200") + row(hex32(0, 0, 0, 0)+":0050", "0A", "201"))},
		"net/tcp6": {Data: []byte(heading + row(hex32(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)+":0050", "0A", "202"))},
		"42/comm":  {Data: []byte("wrong\n")},
		"42/fd/1":  {Data: []byte("socket:[200]"), Mode: fs.ModeSymlink},
		"42/fd/2":  {Data: []byte("socket:[201]"), Mode: fs.ModeSymlink},
		"99/comm":  {Data: []byte("right\n")},
		"99/fd/1":  {Data: []byte("socket:[202]"), Mode: fs.ModeSymlink},
	}
	caddy := Holder{42, "caddy"}
	cases := []struct {
		name string
		proc fs.FS
		addr string
		want Holder
		err  error
	}{
		{"same address", table, "127.0.0.1:9300", caddy, nil},
		{"we want every address", table, "0.0.0.0:9300", caddy, nil},
		{"it has every address", table, "127.0.0.1:8080", caddy, nil},
		{"IPv4 in an IPv6 socket", table, "127.0.0.1:443", caddy, nil},
		{"other family", other, "[::1]:9300", Holder{}, ErrNotFound},
		{"every address of the other family", other, "[::1]:80", Holder{99, "right"}, nil},
		{"other address", table, "127.0.0.2:9300", Holder{}, ErrNotFound},
		{"other port", table, "127.0.0.1:9301", Holder{}, ErrNotFound},
		{"process not in the table", table, "192.0.2.9:80", Holder{}, ErrNotFound},
		{"descriptors of another user", denied{table, "42/fd"}, "127.0.0.1:9300", Holder{}, ErrNotPermitted},
		{"no tables", fstest.MapFS{}, "127.0.0.1:9300", Holder{}, ErrUnsupported},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := find(c.proc, netip.MustParseAddrPort(c.addr))
			if got != c.want || !errors.Is(err, c.err) {
				t.Errorf("got %v, %v, want %v, %v", got, err, c.want, c.err)
			}
		})
	}
}

func TestFind_thisProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc/net/tcp")
	}
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0", ":0"} {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			t.Logf("%s: %v", addr, err) // a machine without IPv6
			continue
		}
		defer l.Close()
		at := l.Addr().(*net.TCPAddr).AddrPort()
		got, err := Find(at)
		if err != nil || got.PID != os.Getpid() || got.Name == "" {
			t.Errorf("%v: got %v, %v, want pid %d", at, got, err, os.Getpid())
		}
	}
}

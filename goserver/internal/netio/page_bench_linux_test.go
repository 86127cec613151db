package netio

import (
	"fmt"
	"net"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// copyPages writes like a session that copies every page: gathered, in one write.
func copyPages() pageWriter {
	var buf []byte
	return func(fd int32, ahead []byte, date *[DateLen]byte, pages []PageRef, skip int) (int, syscall.Errno) {
		buf = append(buf[:0], ahead...)
		for i := range pages {
			p, at := &pages[i], len(buf)
			buf = append(buf, p.Bytes...)
			copy(buf[at+p.Date:], date[:])
		}
		n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&buf[skip])), uintptr(len(buf)-skip))
		if errno != 0 {
			return 0, errno
		}
		return int(n), 0
	}
}

// BenchmarkWritePages sends pages over TCP and reads them on the same
// goroutine: the time is that of the processor, of both ends.
func BenchmarkWritePages(b *testing.B) {
	impls := append([]pageImpl{{"copy", copyPages()}}, pageImpls...)
	for _, n := range []int{1, 16} {
		for _, body := range []int{5, 1 << 10, 4 << 10, 8 << 10, 16 << 10, 64 << 10} {
			for _, impl := range impls {
				b.Run(fmt.Sprintf("%d/%dB/%s", n, body, impl.name), func(b *testing.B) {
					benchPages(b, impl.write, n, body)
				})
			}
		}
	}
}

func benchPages(b *testing.B, write pageWriter, n, body int) {
	fd, peer := tcpPair(b)
	pages := make([]PageRef, n)
	for i := range pages {
		pages[i] = PageRef{make([]byte, 250+body), 200} // each its own, as in a cache
	}
	var date [DateLen]byte
	size := n * (250 + body)
	sink := make([]byte, 64<<10)
	b.SetBytes(int64(size))
	for b.Loop() {
		for sent, got := 0, 0; got < size; {
			if sent < size {
				m, errno := write(fd, nil, &date, pages, sent)
				if sent += m; errno != 0 && errno != syscall.EAGAIN {
					b.Fatal(errno)
				}
			}
			m, _, errno := syscall.RawSyscall(syscall.SYS_READ, uintptr(peer), uintptr(unsafe.Pointer(&sink[0])), uintptr(len(sink)))
			if errno == 0 {
				got += int(m)
			}
		}
	}
}

// tcpPair returns the non-blocking descriptors of both ends of a connection.
func tcpPair(t testing.TB) (a, b int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	far, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	near, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return descriptor(t, near), descriptor(t, far)
}

// descriptor takes the descriptor out of c.
func descriptor(t testing.TB, c net.Conn) int32 {
	t.Helper()
	defer c.Close()
	f, err := c.(interface {
		SyscallConn() (syscall.RawConn, error)
	}).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	fd := -1
	f.Control(func(old uintptr) { fd, err = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return int32(fd)
}

package netio

import (
	"fmt"
	"maps"
	"net"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// drained returns a non-blocking TCP socket whose peer throws away what it gets.
func drained(b *testing.B) (fd int) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	peer, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	own, err := l.Accept()
	if err != nil {
		b.Fatal(err)
	}
	descriptor := func(c net.Conn) int {
		f, err := c.(*net.TCPConn).File()
		if err != nil {
			b.Fatal(err)
		}
		c.Close()
		b.Cleanup(func() { f.Close() })
		return int(f.Fd())
	}
	from, to := descriptor(peer), descriptor(own)
	unix.SetNonblock(to, true)
	unix.SetsockoptInt(to, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	done := make(chan bool)
	go func() {
		defer close(done)
		var buf [1]byte
		for {
			// MSG_TRUNC throws away as much as the length says (tcp(7)).
			n, _, _ := syscall.Syscall6(unix.SYS_RECVFROM, uintptr(from), uintptr(unsafe.Pointer(&buf)), 1<<20, unix.MSG_TRUNC, 0, 0)
			if n == 0 {
				return
			}
		}
	}()
	b.Cleanup(func() {
		unix.Shutdown(to, unix.SHUT_WR)
		<-done
	})
	return to
}

// reportCPU reports the processor time of this thread for an operation, in which
// the work of the peer is not.
func reportCPU(b *testing.B) (stop func()) {
	runtime.LockOSThread()
	now := func() int64 {
		var t unix.Timespec
		unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t)
		return t.Nano()
	}
	start := now()
	return func() {
		b.ReportMetric(float64(now()-start)/float64(b.N), "cpu-ns/op")
		runtime.UnlockOSThread()
	}
}

// BenchmarkSender is what decides whether the C unit is on: head and file on
// one loopback connection whose peer drains it.
func BenchmarkSender(b *testing.B) {
	path, _ := testFile(b, 1<<20)
	src := int(open(b, path).Fd())
	head := make([]byte, 300)
	for _, size := range []int64{8 << 10, 64 << 10, 1 << 20} {
		for _, name := range slices.Sorted(maps.Keys(senders)) {
			b.Run(fmt.Sprintf("%dKiB/%s", size>>10, name), func(b *testing.B) {
				send, dst := senders[name], drained(b)
				b.SetBytes(size)
				b.ReportAllocs()
				defer reportCPU(b)()
				for b.Loop() {
					h := head
					for off := int64(0); off < size; {
						n, errno, handled := send(dst, src, h, off, size-off)
						if !handled || errno != 0 && errno != syscall.EAGAIN {
							b.Fatal(n, errno, handled)
						}
						m := min(n, int64(len(h)))
						h = h[m:]
						if off += n - m; errno == syscall.EAGAIN {
							unix.Poll([]unix.PollFd{{Fd: int32(dst), Events: unix.POLLOUT}}, -1)
						}
					}
				}
			})
		}
	}
}

// BenchmarkSmall compares one write of head and file with sendfile behind the head.
func BenchmarkSmall(b *testing.B) {
	path, _ := testFile(b, 1<<20)
	f := open(b, path)
	for _, size := range []int64{1 << 10, 8 << 10, 16 << 10, 32 << 10, 64 << 10, 128 << 10} {
		for _, r := range []Rung{RungSmall, RungSendfile, RungSplice} {
			b.Run(fmt.Sprintf("%dKiB/%v", size>>10, r), func(b *testing.B) {
				t := newTransfer()
				defer t.end()
				head := make([]byte, 300)
				t.conn, t.file, t.src = &epollConn{fd: int32(drained(b))}, f, int(f.Fd())
				b.SetBytes(size)
				b.ReportAllocs()
				defer reportCPU(b)()
				for b.Loop() {
					t.head, t.off, t.left = head, 0, size
					for t.left > 0 {
						n, err, handled := steps[r](t)
						if !handled || err != nil && err != syscall.EAGAIN {
							b.Fatal(n, err, handled)
						}
						if t.advance(n); err == syscall.EAGAIN {
							unix.Poll([]unix.PollFd{{Fd: t.conn.fd, Events: unix.POLLOUT}}, -1)
						}
					}
				}
			})
		}
	}
}

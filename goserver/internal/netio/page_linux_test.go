package netio

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A pageImpl is one implementation of the pageWriter contract.
type pageImpl struct {
	name  string
	write pageWriter
}

var pageImpls = []pageImpl{{"generic", writePagesGeneric}}

// eachPageImpl runs a test on every implementation.
func eachPageImpl(t *testing.T, test func(*testing.T, pageWriter)) {
	for _, impl := range pageImpls {
		t.Run(impl.name, func(t *testing.T) { test(t, impl.write) })
	}
}

// A sequence is what one call writes.
type sequence struct {
	ahead []byte
	date  *[DateLen]byte
	pages []PageRef
}

// wire is the oracle: it copies everything together.
func (q *sequence) wire() []byte {
	b := bytes.Clone(q.ahead)
	for _, p := range q.pages {
		at := len(b)
		b = append(b, p.Bytes...)
		copy(b[at+p.Date:], q.date[:])
	}
	return b
}

func (q *sequence) write(w pageWriter, fd int32, skip int) (int, syscall.Errno) {
	return w(fd, q.ahead, q.date, q.pages, skip)
}

var testDate = [DateLen]byte([]byte("Sat, 21 Nov 2026 09:36:38 GMT"))

// testPage returns a page of size bytes that repeats nothing within 251 bytes.
func testPage(size, date int, seed byte) PageRef {
	p := PageRef{make([]byte, size), date}
	for i := range p.Bytes {
		p.Bytes[i] = byte(i%251) + seed
	}
	return p
}

// testPages has a slot at the start, one in the middle and one at the end.
func testPages() []PageRef {
	return []PageRef{testPage(60, 0, 1), testPage(DateLen, 0, 2), testPage(100, 40, 3), testPage(90, 90-DateLen, 4)}
}

// A link is a pair of non-blocking descriptors, of which b gets what a is given.
type link struct{ a, b int32 }

var links = []struct {
	name string
	open func(testing.TB) link
}{
	{"tcp", func(t testing.TB) link { a, b := tcpPair(t); return link{a, b} }},
	{"socketpair", func(t testing.TB) link { return socketPair(t, unix.SOCK_STREAM) }},
	{"pipe", openPipe},
}

func socketPair(t testing.TB, kind int) link {
	t.Helper()
	p, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(p[0]); unix.Close(p[1]) })
	unix.SetsockoptInt(p[0], unix.SOL_SOCKET, unix.SO_SNDBUF, 1) // as little as the kernel allows
	return link{int32(p[0]), int32(p[1])}
}

func openPipe(t testing.TB) link {
	t.Helper()
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_NONBLOCK|unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(p[0]); unix.Close(p[1]) })
	unix.FcntlInt(uintptr(p[1]), unix.F_SETPIPE_SZ, os.Getpagesize())
	return link{int32(p[1]), int32(p[0])}
}

// drain returns what is there to be read.
func (l link) drain(t testing.TB) (got []byte) {
	t.Helper()
	buf := make([]byte, 64<<10)
	for {
		n, err := unix.Read(int(l.b), buf)
		if err == unix.EAGAIN {
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, buf[:n]...)
	}
}

// await returns the next size bytes. TCP may still be delivering them.
func (l link) await(t testing.TB, size int) []byte {
	t.Helper()
	got := l.drain(t)
	for len(got) < size {
		if n, err := unix.Poll([]unix.PollFd{{Fd: l.b, Events: unix.POLLIN}}, 10_000); n == 0 || err != nil && err != unix.EINTR {
			t.Fatalf("%d of %d bytes came: %v", len(got), size, err)
		}
		got = append(got, l.drain(t)...)
	}
	return got
}

// A call may start at every byte.
func TestWritePages_skip(t *testing.T) {
	eachPageImpl(t, func(t *testing.T, write pageWriter) {
		for _, k := range links {
			t.Run(k.name, func(t *testing.T) {
				l := k.open(t)
				for _, ahead := range []string{"", "what gathered before"} {
					q := sequence{[]byte(ahead), &testDate, testPages()}
					for want, skip := q.wire(), 0; skip <= len(want); skip++ {
						n, errno := q.write(write, l.a, skip)
						if n != len(want)-skip || errno != 0 {
							t.Fatalf("from byte %d: %d bytes left, %v; want %d", skip, n, errno, len(want)-skip)
						}
						if got := l.await(t, n); !bytes.Equal(got, want[skip:]) {
							t.Fatalf("from byte %d: got %q, want %q", skip, got, want[skip:])
						}
					}
				}
			})
		}
	})
}

// A call may be stopped at every byte of the pages by a descriptor that takes
// no more; the next one goes on there.
func TestWritePages_stop(t *testing.T) {
	eachPageImpl(t, func(t *testing.T, write pageWriter) {
		for _, k := range links[1:] { // how much TCP takes is not the same each time
			t.Run(k.name, func(t *testing.T) {
				l := k.open(t)
				long := sequence{make([]byte, 1<<20), &testDate, nil}
				room, errno := long.write(write, l.a, 0)
				if errno != syscall.EAGAIN {
					t.Fatalf("a megabyte: %d bytes left, %v; want EAGAIN", room, errno)
				}
				l.drain(t)
				q := sequence{nil, &testDate, testPages()}
				size := len(q.wire())
				for stop := range size {
					q.ahead = long.ahead[:room-stop]
					want := q.wire()
					n, errno := q.write(write, l.a, 0)
					if n != room || errno != syscall.EAGAIN {
						t.Fatalf("first call: %d bytes left, %v; want %d and EAGAIN", n, errno, room)
					}
					if m, errno := q.write(write, l.a, n); m != 0 || errno != syscall.EAGAIN {
						t.Fatalf("while full: %d bytes left, %v; want 0 and EAGAIN", m, errno)
					}
					got := l.drain(t)
					m, errno := q.write(write, l.a, n)
					if n+m != len(want) || errno != 0 {
						t.Fatalf("resumed at byte %d: %d bytes left, %v; want %d", n, m, errno, len(want)-n)
					}
					if got = append(got, l.drain(t)...); !bytes.Equal(got, want) {
						t.Fatalf("stopped at byte %d of the pages: other bytes came", stop)
					}
				}
			})
		}
	})
}

// Whatever pieces a slow TCP peer takes, it gets the bytes in order.
func TestWritePages_tcp(t *testing.T) {
	eachPageImpl(t, func(t *testing.T, write pageWriter) {
		l := links[0].open(t)
		unix.SetsockoptInt(int(l.a), unix.SOL_SOCKET, unix.SO_SNDBUF, 16<<10)
		unix.SetsockoptInt(int(l.b), unix.SOL_SOCKET, unix.SO_RCVBUF, 16<<10)
		rng := rand.New(rand.NewPCG(1, 2))
		stops := 0
		for range 50 {
			q := sequence{make([]byte, rng.IntN(100)), &testDate, nil}
			for range 1 + rng.IntN(MaxPages) {
				size := DateLen + rng.IntN(20_000)
				q.pages = append(q.pages, testPage(size, rng.IntN(size-DateLen+1), byte(rng.Int())))
			}
			want := q.wire()
			var got []byte
			for done := 0; done < len(want); {
				n, errno := q.write(write, l.a, done)
				if done += n; errno == syscall.EAGAIN {
					stops++
					got = append(got, l.await(t, 1)...)
				} else if errno != 0 || done != len(want) {
					t.Fatalf("%d of %d bytes left, %v", done, len(want), errno)
				}
			}
			if got = append(got, l.await(t, len(want)-len(got))...); !bytes.Equal(got, want) {
				t.Fatalf("other bytes came than were sent")
			}
		}
		if stops < 50 {
			t.Errorf("the peer was too fast: %d stops", stops)
		}
	})
}

// A message of a SOCK_SEQPACKET socket is what one system call sent.
func TestWritePages_oneSystemCall(t *testing.T) {
	eachPageImpl(t, func(t *testing.T, write pageWriter) {
		for n := range MaxPages + 1 {
			l := socketPair(t, unix.SOCK_SEQPACKET)
			q := sequence{[]byte("ahead"), &testDate, nil}
			for i := range n {
				q.pages = append(q.pages, testPage(100, 10, byte(i)))
			}
			if _, errno := q.write(write, l.a, 0); errno != 0 {
				t.Fatal(errno)
			}
			buf := make([]byte, 64<<10)
			m, err := unix.Read(int(l.b), buf)
			if want := q.wire(); err != nil || !bytes.Equal(buf[:m], want) {
				t.Fatalf("%d pages: the first message has %d bytes, %v; want all %d", n, m, err, len(want))
			}
			if _, err := unix.Read(int(l.b), buf); err != unix.EAGAIN {
				t.Fatalf("%d pages: a second message came", n)
			}
		}
	})
}

// An error ends the call and raises no signal.
func TestWritePages_error(t *testing.T) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGPIPE, unix.SIGWINCH)
	defer signal.Stop(signals)
	eachPageImpl(t, func(t *testing.T, write pageWriter) {
		q := sequence{[]byte("ahead"), &testDate, testPages()}
		size := len(q.wire())
		t.Run("peer gone", func(t *testing.T) {
			for _, k := range links[:2] {
				l := k.open(t)
				unix.Shutdown(int(l.a), unix.SHUT_WR)
				if n, errno := q.write(write, l.a, 0); n != 0 || errno != syscall.EPIPE {
					t.Errorf("%s: %d, %v; want 0, EPIPE", k.name, n, errno)
				}
				if n, errno := q.write(write, l.a, size); n != 0 || errno != 0 {
					t.Errorf("%s: nothing to write: %d, %v; want 0 and no error", k.name, n, errno)
				}
			}
			unix.Kill(unix.Getpid(), unix.SIGWINCH) // is delivered after SIGPIPE, had there been one
			if s := <-signals; s != unix.SIGWINCH {
				t.Errorf("signal %v was raised", s)
			}
		})
		t.Run("closed", func(t *testing.T) {
			l := links[1].open(t)
			fd, _ := unix.FcntlInt(uintptr(l.a), unix.F_DUPFD_CLOEXEC, 1000)
			unix.Close(fd)
			if n, errno := q.write(write, int32(fd), 0); n != 0 || errno != syscall.EBADF {
				t.Errorf("%d, %v; want 0, EBADF", n, errno)
			}
		})
		t.Run("after the pages had begun", func(t *testing.T) {
			l := openPipe(t)
			q := sequence{make([]byte, 1<<20), &testDate, testPages()}
			n, errno := q.write(write, l.a, 0)
			if errno != syscall.EAGAIN {
				t.Fatalf("%d, %v; want EAGAIN", n, errno)
			}
			unix.Close(int(l.b))
			if m, errno := q.write(write, l.a, n); m != 0 || errno != syscall.EPIPE {
				t.Errorf("%d, %v; want 0, EPIPE", m, errno)
			}
			if s := <-signals; s != unix.SIGPIPE { // of a pipe: no flag keeps it away
				t.Errorf("signal %v was raised", s)
			}
		})
	})
}

func TestWritePages_allocs(t *testing.T) {
	eachPageImpl(t, func(t *testing.T, write pageWriter) {
		l := links[1].open(t)
		q := sequence{[]byte("ahead"), &testDate, testPages()}
		buf := make([]byte, 4096)
		if got := testing.AllocsPerRun(100, func() {
			q.write(write, l.a, 0)
			unix.Read(int(l.b), buf)
		}); got != 0 {
			t.Errorf("%v allocations a call", got)
		}
	})
}

// Connections use the native implementation exactly when it is on.
func TestWritePages_chosen(t *testing.T) {
	q := sequence{[]byte("ahead"), &testDate, testPages()}
	te := run(t, kinds[0], Config{}, func(c Conn) {
		defer c.End()
		c.Read(make([]byte, 16))
		if err := c.WritePages(q.ahead, q.date, q.pages); err != nil {
			t.Error(err)
		}
	})
	c := te.dial()
	c.Write([]byte("x"))
	if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, q.wire()) {
		t.Errorf("got %q, %v", got, err)
	}
	if used := nativePagesUsed(); used != nativePages() {
		t.Errorf("native code is on: %v; was used: %v", nativePages(), used)
	}
}

func FuzzWritePages(f *testing.F) {
	f.Add(uint16(200), uint16(100), uint16(0), uint8(1), uint8(0))
	f.Add(uint16(29), uint16(0), uint16(29), uint8(16), uint8(7))
	f.Add(uint16(8000), uint16(7971), uint16(8010), uint8(3), uint8(255))
	l := links[1].open(f)
	f.Fuzz(func(t *testing.T, size, date, skip uint16, n, ahead uint8) {
		q := sequence{make([]byte, ahead), &testDate, nil}
		for i := range n % (MaxPages + 1) {
			p := testPage(DateLen+int(size)%9000, 0, i)
			p.Date = int(date) % (len(p.Bytes) - DateLen + 1)
			q.pages = append(q.pages, p)
		}
		want := q.wire()
		skip = uint16(int(skip) % (len(want) + 1))
		for _, impl := range pageImpls {
			var got []byte
			for done := int(skip); done < len(want); {
				m, errno := q.write(impl.write, l.a, done)
				if errno != 0 && errno != syscall.EAGAIN || m == 0 {
					t.Fatalf("%s: %d of %d bytes left, then %d, %v", impl.name, done, len(want), m, errno)
				}
				done += m
				got = append(got, l.drain(t)...)
			}
			if !bytes.Equal(got, want[skip:]) {
				t.Fatalf("%s: other bytes came than were sent", impl.name)
			}
		}
	})
}

// The bytes of a call are kept and left alone by the collector while it runs,
// whoever else has let go of them.
func TestWritePages_collected(t *testing.T) {
	eachPageImpl(t, func(t *testing.T, write pageWriter) {
		l := links[1].open(t)
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for {
				select {
				case <-stop:
					return
				default:
					runtime.GC()
				}
			}
		}()
		for i := range 300 {
			q := sequence{nil, &testDate, []PageRef{testPage(2000, 100, byte(i))}}
			want := q.wire()
			if _, errno := q.write(write, l.a, 0); errno != 0 {
				t.Fatal(errno)
			}
			if !bytes.Equal(l.drain(t), want) {
				t.Fatal("other bytes came than were sent")
			}
		}
		close(stop)
		<-stopped
	})
}

package netio

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// senders are the implementations of sendfileGeneric's contract.
var senders = map[string]sender{"generic": sendfileGeneric}

func init() {
	ladders = append(ladders,
		ladder{name: "own/auto", ask: RungAuto, used: func(n int64) Rung {
			if n <= smallAuto {
				return RungSmall
			}
			return RungSendfile
		}},
		ladder{name: "own/small", ask: RungSmall, used: func(n int64) Rung {
			if n <= SmallMax {
				return RungSmall
			}
			return RungCopy
		}},
		ladder{name: "own/splice", ask: RungSplice, used: always(RungSplice)},
		ladder{name: "own/splice/no pipe", ask: RungSplice, used: func(n int64) Rung {
			if n == 0 {
				return RungSplice // it was not needed
			}
			return RungSendfile
		}, set: noPipes},
		ladder{name: "own/copy", ask: RungCopy, used: always(RungCopy)},
		ladder{name: "own/sendfile/generic", ask: RungSendfile, used: always(RungSendfile), set: func(t *testing.T) {
			setStep(t, RungSendfile, sender(sendfileGeneric).step)
		}},
	)
}

func setStep(t testing.TB, r Rung, s step) {
	old := steps[r]
	steps[r] = s
	t.Cleanup(func() { steps[r] = old })
}

func noPipes(t *testing.T) {
	setStep(t, RungSplice, func(tr *transfer) (int64, error, bool) {
		if len(tr.head) == 0 {
			return 0, nil, false
		}
		return spliceStep(tr)
	})
}

// A call that the kernel refuses in the middle leaves the rest to the next
// rung, at the right byte.
func TestSendFile_refusedMidway(t *testing.T) {
	path, content := testFile(t, 3<<20)
	f := open(t, path)
	head := []byte("head")
	for _, l := range []ladder{{ask: RungSendfile}, {ask: RungSplice}} {
		for _, after := range []int{0, 1, 2, 3, 7} {
			t.Run(fmt.Sprint(l.ask, "/", after), func(t *testing.T) {
				stop := func(r Rung) {
					real, n := steps[r], 0
					setStep(t, r, func(tr *transfer) (int64, error, bool) {
						if n++; n > after {
							return 0, nil, false
						}
						return real(tr)
					})
				}
				stop(RungSplice)
				stop(RungSendfile)
				s := &sending{head: head, off: 7, n: int64(len(content)) - 7}
				got := sendAll(t, l, f, []*sending{s})
				if want := append(head[:4:4], content[7:]...); !bytes.Equal(got, want) {
					t.Errorf("got %d bytes, want %d, and not the same", len(got), len(want))
				}
				if s.err != nil || s.sent != s.n {
					t.Errorf("sent %d by %v, %v", s.sent, s.used, s.err)
				}
				if after == 0 && s.used != RungCopy {
					t.Errorf("sent by %v, want %v", s.used, RungCopy)
				}
			})
		}
	}
}

// What the kernel refuses to send from, here this process's memory, is copied.
func TestSendFile_refused(t *testing.T) {
	mem := open(t, "/proc/self/mem")
	content := memory
	for _, ask := range []Rung{RungSplice, RungSendfile} {
		s := &sending{head: []byte("head "), off: int64(uintptr(unsafe.Pointer(&content[0]))), n: int64(len(content))}
		got := sendAll(t, ladder{ask: ask}, mem, []*sending{s})
		if string(got) != "head "+string(content) || s.used != RungCopy || s.err != nil {
			t.Errorf("%v: got %q by %v, %v", ask, got, s.used, s.err)
		}
	}
}

var memory = []byte("bytes that lie in this process")

// The contract of a sender, on descriptors of all sorts.
func TestSender(t *testing.T) {
	path, content := testFile(t, 600_000)
	f := open(t, path)
	src := int(f.Fd())
	for name, send := range senders {
		t.Run(name, func(t *testing.T) {
			t.Run("all", func(t *testing.T) {
				dst, peer := unixPair(t)
				head := []byte("head")
				sent, errno, handled := send(dst, src, head, 5, 20_000)
				if sent != 20_004 || errno != 0 || !handled {
					t.Errorf("sent %d, %v, %v", sent, errno, handled)
				}
				if got := readFull(t, peer, 20_004); !bytes.Equal(got, append(head, content[5:20_005]...)) {
					t.Error("not the bytes of the file")
				}
			})
			t.Run("only a head", func(t *testing.T) {
				dst, peer := unixPair(t)
				if sent, errno, handled := send(dst, src, []byte("head"), 0, 0); sent != 4 || errno != 0 || !handled {
					t.Errorf("sent %d, %v, %v", sent, errno, handled)
				}
				readFull(t, peer, 4)
			})
			t.Run("full", func(t *testing.T) {
				dst, peer := unixPair(t)
				sent, errno, handled := send(dst, src, []byte("head"), 0, 600_000)
				if sent <= 4 || sent >= 600_004 || errno != syscall.EAGAIN || !handled {
					t.Fatalf("sent %d, %v, %v", sent, errno, handled)
				}
				if n, errno, handled := send(dst, src, nil, sent-4, 600_004-sent); n != 0 || errno != syscall.EAGAIN || !handled {
					t.Errorf("again: sent %d, %v, %v", n, errno, handled)
				}
				if got := readFull(t, peer, int(sent)); !bytes.Equal(got[4:], content[:sent-4]) {
					t.Error("not the bytes of the file")
				}
			})
			t.Run("file ends", func(t *testing.T) {
				dst, _ := unixPair(t)
				if sent, errno, handled := send(dst, src, []byte("head"), 599_990, 20); sent != 14 || errno != syscall.ENODATA || !handled {
					t.Errorf("sent %d, %v, %v", sent, errno, handled)
				}
				if sent, errno, handled := send(dst, src, nil, 600_000, 20); sent != 0 || errno != syscall.ENODATA || !handled {
					t.Errorf("at the end: sent %d, %v, %v", sent, errno, handled)
				}
			})
			t.Run("refused", func(t *testing.T) {
				dst, _ := unixPair(t)
				mem, err := os.Open("/proc/self/mem")
				if err != nil {
					t.Skip(err)
				}
				defer mem.Close()
				if sent, errno, handled := send(dst, int(mem.Fd()), []byte("head"), 0, 20); sent != 4 || errno != 0 || !handled {
					t.Errorf("behind a head: sent %d, %v, %v", sent, errno, handled)
				}
				if sent, errno, handled := send(dst, int(mem.Fd()), nil, 0, 20); sent != 0 || errno != 0 || handled {
					t.Errorf("without a head: sent %d, %v, %v", sent, errno, handled)
				}
			})
			t.Run("peer gone", func(t *testing.T) {
				dst, peer := unixPair(t)
				unix.Shutdown(peer, unix.SHUT_RDWR)
				for _, head := range [][]byte{[]byte("head"), nil} {
					if sent, errno, handled := send(dst, src, head, 0, 20); sent != 0 || errno != syscall.EPIPE || !handled {
						t.Errorf("head %q: sent %d, %v, %v", head, sent, errno, handled)
					}
				}
			})
		})
	}
}

// unixPair returns a non-blocking socket that holds little, and its peer.
func unixPair(t *testing.T) (fd, peer int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	unix.SetNonblock(fds[0], true)
	unix.SetsockoptInt(fds[0], unix.SOL_SOCKET, unix.SO_SNDBUF, 64<<10)
	t.Cleanup(func() {
		unix.Close(fds[0])
		unix.Close(fds[1])
	})
	return fds[0], fds[1]
}

func readFull(t *testing.T, fd, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	for done := 0; done < n; {
		m, err := unix.Read(fd, b[done:])
		if m <= 0 {
			t.Fatalf("read %d of %d, %v", done, n, err)
		}
		done += m
	}
	return b
}

// Whatever is sent in whatever order, and wherever rungs stop, the peer gets
// the bytes of the files in their order.
func TestSendFile_model(t *testing.T) {
	path, content := testFile(t, 700_000)
	f := open(t, path)
	names := []string{"generic"}
	for name := range senders {
		if name != "generic" {
			names = append(names, name)
		}
	}
	type call struct {
		sending
		ask Rung
	}
	todo, done := make(chan []*call, 1), make(chan bool, 1)
	te := run(t, kinds[0], Config{}, func(conn Conn) {
		conn.Read(make([]byte, 1))
		for _, c := range <-todo {
			c.sent, c.used, c.err = conn.SendFile(c.head, f, c.off, c.n, c.ask)
		}
		conn.End()
		done <- true
	})
	rapid.Check(t, func(rt *rapid.T) {
		old := steps
		defer func() { steps = old }()
		send := senders[rapid.SampledFrom(names).Draw(rt, "sender")]
		steps[RungSendfile] = send.step
		for _, r := range []Rung{RungSplice, RungSendfile} {
			real, left := steps[r], rapid.IntRange(0, 6).Draw(rt, "steps of "+r.String())
			steps[r] = func(tr *transfer) (int64, error, bool) {
				if left--; left < 0 {
					return 0, nil, false
				}
				return real(tr)
			}
		}
		calls := make([]*call, rapid.IntRange(1, 4).Draw(rt, "calls"))
		var want []byte
		for i := range calls {
			c := &call{ask: rapid.SampledFrom([]Rung{RungAuto, RungSmall, RungSplice, RungSendfile, RungCopy}).Draw(rt, "ask")}
			c.head = bytes.Repeat([]byte{byte('a' + i)}, rapid.OneOf(rapid.IntRange(0, 300), rapid.IntRange(headRoom-1, headRoom+SmallMax+1)).Draw(rt, "head"))
			c.off = rapid.Int64Range(0, int64(len(content))).Draw(rt, "off")
			c.n = rapid.Int64Range(0, int64(len(content))-c.off).Draw(rt, "n")
			calls[i] = c
			want = append(append(want, c.head...), content[c.off:c.off+c.n]...)
		}
		todo <- calls
		c, err := net.Dial("tcp", te.addr)
		if err != nil {
			rt.Fatal(err)
		}
		defer c.Close()
		c.(*net.TCPConn).SetReadBuffer(rapid.SampledFrom([]int{64 << 10, 256 << 10, 2 << 20}).Draw(rt, "window"))
		c.Write([]byte("x"))
		got, err := io.ReadAll(c)
		<-done
		if err != nil || !bytes.Equal(got, want) {
			rt.Errorf("got %d bytes, want %d, and not the same; %v", len(got), len(want), err)
		}
		for _, c := range calls {
			if c.err != nil || c.sent != c.n || c.used < c.ask {
				rt.Errorf("asked for %v: sent %d of %d by %v, %v", c.ask, c.sent, c.n, c.used, c.err)
			}
		}
	})
}

// Deadlines end a transfer whose peer reads nothing, on every rung.
func TestSendFile_stalled(t *testing.T) {
	path, _ := testFile(t, 1<<20)
	f := open(t, path)
	for _, l := range ladders {
		t.Run(l.name, func(t *testing.T) {
			if l.set != nil {
				l.set(t)
			}
			result := make(chan error, 1)
			te := run(t, kinds[l.kind], Config{}, func(c Conn) {
				defer c.End()
				c.Read(make([]byte, 1))
				c.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
				var err error
				for err == nil {
					_, _, err = c.SendFile([]byte("head"), f, 0, 1<<20, l.ask)
				}
				result <- err
			})
			c := te.dial()
			c.SetReadBuffer(4 << 10)
			c.Write([]byte("x"))
			if err := <-result; err != ErrWriteExpired {
				t.Errorf("ended with %v, want ErrWriteExpired", err)
			}
		})
	}
}

package netio

import (
	"bytes"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hyperion-server/hyperion/internal/fence"
)

// No sender reads beyond a head, in front of it or behind it.
func TestSender_fence(t *testing.T) {
	path, content := testFile(t, 100)
	src := int(open(t, path).Fd())
	page := fence.Pages(t, 1)
	for i := range page {
		page[i] = byte(i)
	}
	for name, send := range senders {
		t.Run(name, func(t *testing.T) {
			dst, peer := unixPair(t)
			for n := 0; n <= len(page); n++ {
				if n > 300 && n < len(page)-2 {
					continue
				}
				for _, head := range [][]byte{page[:n], page[len(page)-n:]} {
					const file = 10
					if sent, errno, handled := send(dst, src, head, 5, file); sent != int64(n)+file || errno != 0 || !handled {
						t.Fatalf("head of %d: sent %d, %v, %v", n, sent, errno, handled)
					}
					if got := readFull(t, peer, n+file); !bytes.Equal(got[:n], head) || !bytes.Equal(got[n:], content[5:5+file]) {
						t.Fatalf("head of %d: other bytes", n)
					}
				}
			}
		})
	}
}

// The head shares a packet with the first bytes of the file.
func TestSender_onePacket(t *testing.T) {
	path, _ := testFile(t, 1000)
	f := open(t, path)
	for _, l := range ladders {
		if l.kind != 0 {
			continue
		}
		t.Run(l.name, func(t *testing.T) {
			if l.set != nil {
				l.set(t)
			}
			hold := make(chan bool)
			te := run(t, kinds[0], Config{}, func(c Conn) {
				defer c.End()
				c.Read(make([]byte, 1))
				c.SendFile([]byte("head"), f, 0, 1000, l.ask)
				<-hold
			})
			defer close(hold)
			// The kernel holds the head back for 200 ms at most: if the machine stood
			// still for that long, it is the next attempt that tells.
			packets := 0
			for range 5 {
				c := te.dial()
				c.Write([]byte("x"))
				raw, err := c.tcp.SyscallConn()
				if err != nil {
					t.Fatal(err)
				}
				for got, buf := 0, make([]byte, 2000); got < 1004; {
					n, err := c.Read(buf)
					if err != nil {
						t.Fatal(err)
					}
					got += n
				}
				raw.Control(func(fd uintptr) {
					info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
					if err != nil {
						t.Skip(err)
					}
					packets = int(info.Data_segs_in)
				})
				if packets == 1 {
					return
				}
			}
			t.Errorf("the response took %d packets", packets)
		})
	}
}

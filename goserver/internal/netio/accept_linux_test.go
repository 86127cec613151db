package netio

import (
	"context"
	"io"
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// A connection that came before the server served has the options of the others.
func TestAccept_optionsOfTheBacklog(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	raw, err := l.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) { unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NODELAY, 0) })
	early, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer early.Close()
	type options struct{ nodelay, keepalive, idle int }
	seen := make(chan options, 2)
	e := New(Config{Clock: NewClock(), NewSession: func() Session {
		return sessionFunc(func(c Conn) {
			if _, parked, err := c.Next(make([]byte, 8), 0); parked {
				return
			} else if err == nil {
				fd := int(c.(*epollConn).fd)
				var o options
				o.nodelay, _ = unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY)
				o.keepalive, _ = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE)
				o.idle, _ = unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE)
				seen <- o
			}
			c.End()
		})
	}})
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- e.Serve(ctx, l, func(Conn) {}) }()
	late, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	for _, c := range []net.Conn{early, late} {
		io.WriteString(c, "x")
		c.Read(make([]byte, 1)) // the end: its options were seen
		if got, want := <-seen, (options{1, 1, 15}); got != want {
			t.Errorf("options %+v, want %+v", got, want)
		}
	}
	cancel()
	<-served
	stopped := make(chan struct{})
	e.StopWhenEmpty(func() { close(stopped) })
	<-stopped
}

// What cannot be watched counts as gone: nothing would ever tell.
func TestWatch_notRegistered(t *testing.T) {
	gone := make(chan bool, 1)
	te := run(t, kinds[0], Config{}, func(c Conn) {
		n, parked, err := c.Next(make([]byte, 16), 0)
		if parked {
			return
		}
		if n == 0 || err != nil {
			t.Errorf("Next: %d, %v", n, err)
		}
		defer c.End()
		e := c.(*epollConn)
		e.unregister() // it may have been parked
		e.flags.And(^uint32(flagRegistered | flagWantsOut))
		e.poller = &poller{engine: e.engine(), fd: -1}
		e.poller.turn.taken.Store(true)
		c.Watch(func() { gone <- true })
		c.Unwatch()
	})
	te.dial().Write([]byte("x"))
	<-gone
}

// An expiry that passed is not acted on when the connection was served meanwhile.
func TestExpiry_late(t *testing.T) {
	conns := make(chan *epollConn, 1)
	te := run(t, kinds[0], Config{}, func(c Conn) {
		select {
		case conns <- c.(*epollConn):
		default:
		}
		echo(c)
	})
	client := te.dial()
	exchange := func() {
		t.Helper()
		client.Write([]byte("x"))
		if _, err := io.ReadFull(client, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the connection to be parked", func() bool { return te.Parked() == 1 })
	}
	exchange()
	c := <-conns
	c.slot.read.Store(expired) // by the sweeper, who is interrupted here
	exchange()
	c.expireRead()
	exchange()
}

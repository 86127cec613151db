package netio

import (
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// A transfer is one SendFile on a descriptor: what of it is left.
type transfer struct {
	conn    *epollConn
	head    []byte
	file    File
	off     int64 // of the next byte of the file
	left    int64 // bytes of the file
	sent    int64 // bytes of the file
	src     int   // descriptor of file, while control runs
	pipe    pipe
	rung    Rung
	err     error
	handled bool

	control func(src uintptr) // t.climb, made once
}

var transfers sync.Pool

func newTransfer() *transfer {
	if t, ok := transfers.Get().(*transfer); ok {
		return t
	}
	t := new(transfer)
	t.control = func(src uintptr) {
		t.src = int(src)
		t.climb()
	}
	return t
}

// end gives back what t holds.
func (t *transfer) end() {
	t.pipe.close()
	*t = transfer{control: t.control}
	transfers.Put(t)
}

func (c *epollConn) SendFile(head []byte, f File, off, n int64, ask Rung) (sent int64, used Rung, err error) {
	t := newTransfer()
	defer t.end()
	t.conn, t.head, t.file, t.off, t.left = c, head, f, off, n
	t.rung = firstRung(ask, n)
	c.MayBlock() // on the disk
	advise(f, off, n)
	for !t.try() {
		t.rung++
	}
	return t.sent, t.rung, t.err
}

// smallAuto is up to which size a piece is RungSmall when nothing else is asked for.
// Server CPU in µs a request, wrk on 64 connections, least and median of 4, on 2
// cores of an AMD EPYC (nginx, with sendfile, in the same runs):
//
//	          small        sendfile     nginx
//	16 KiB    11.4  12.1    9.7   9.8   10.4  10.5
//	32 KiB    12.7  12.8   12.0  12.1   11.7  11.8
//	64 KiB    20.7  22.5   17.0  17.2   19.1  20.7
const smallAuto = 8 << 10

func firstRung(ask Rung, n int64) Rung {
	switch {
	case ask == RungSmall && n > SmallMax:
		return RungCopy
	case ask != RungAuto:
		return ask
	case n <= smallAuto:
		return RungSmall
	}
	return RungSendfile
}

// try sends what is left by t.rung. It returns false when that cannot be used
// (any more): then the rest is for the rung that follows.
func (t *transfer) try() bool {
	t.handled = true
	if t.rung == RungSmall || t.rung == RungCopy {
		t.climb()
		return t.handled
	}
	// The descriptor stays what it is while Control runs, even if somebody
	// closes the file.
	raw, err := t.file.SyscallConn()
	if err == nil {
		err = raw.Control(t.control)
	}
	return t.handled && err == nil
}

// A step moves bytes of t without waiting for the peer. n counts those that left,
// of the head first. err is EAGAIN when the socket takes no more for now.
// handled is false when the rung cannot do this: then n is 0, and so is what it
// read of the file. A short n without an error is to be followed by another step.
type step func(t *transfer) (n int64, err error, handled bool)

// steps are the rungs. Tests put others in their places.
var steps = [Rungs]step{
	RungSmall:    copyStep,
	RungSplice:   spliceStep,
	RungSendfile: sender(sendfile).step,
	RungCopy:     copyStep,
}

// climb goes on with t.rung, step by step, and waits between them while the peer
// takes no more: a waiting transfer holds no thread and no buffer.
func (t *transfer) climb() {
	c := t.conn
	for len(t.head) > 0 || t.left > 0 {
		if t.err = c.writeStop(); t.err != nil {
			return
		}
		var n int64
		n, t.err, t.handled = steps[t.rung](t)
		if !t.handled {
			return
		}
		t.advance(n)
		if t.err == syscall.EAGAIN {
			t.err = c.waitWrite()
		}
		if t.err != nil {
			return
		}
	}
}

// advance takes n bytes that have left off what is left.
func (t *transfer) advance(n int64) {
	h := min(n, int64(len(t.head)))
	t.head = t.head[h:]
	n -= h
	t.off, t.left, t.sent = t.off+n, t.left-n, t.sent+n
}

// copyStep reads a piece and writes it. The buffer is held between the two only;
// what the peer does not take is read again.
func copyStep(t *transfer) (n int64, err error, handled bool) {
	b := fileBuffers.Get().(*fileBuffer)
	defer fileBuffers.Put(b)
	filled, rerr := fillPiece(b[:], t.head, t.file, t.off, t.left)
	if filled == 0 {
		return 0, rerr, true
	}
	n, errno := send(int(t.conn.fd), b[:filled], 0)
	if errno == 0 {
		return n, rerr, true
	}
	return n, stepError("send", errno), true
}

// advise tells the kernel that n bytes of f from off are read in order.
func advise(f File, off, n int64) {
	if n < adviseMin {
		return
	}
	if raw, err := f.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) { unix.Fadvise(int(fd), off, n, unix.FADV_SEQUENTIAL) }) // it may fail
	}
}

package netio

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// pipeSize is how much a pipe is asked to hold, in bytes: what an unprivileged
// process may have (pipe(7), pipe-max-size).
const pipeSize = 1 << 20

// A pipe is what splice(2) needs between a file and a socket. It serves one
// response and is never used again: after an error bytes may be left in it. The
// zero value has no descriptor.
type pipe struct {
	r, w int
	size int // bytes it takes
	held int // bytes in it
}

// open makes the pipe, unless it is there.
func (p *pipe) open() error {
	if p.size > 0 {
		return nil
	}
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return err
	}
	size, err := unix.FcntlInt(uintptr(fds[1]), unix.F_SETPIPE_SZ, pipeSize)
	if err != nil { // no more for this user: it stays as it is
		if size, err = unix.FcntlInt(uintptr(fds[1]), unix.F_GETPIPE_SZ, 0); err != nil {
			unix.Close(fds[0])
			unix.Close(fds[1])
			return err
		}
	}
	*p = pipe{r: fds[0], w: fds[1], size: size}
	return nil
}

func (p *pipe) close() {
	if p.size > 0 {
		unix.Close(p.r)
		unix.Close(p.w)
	}
	*p = pipe{}
}

// spliceStep is the rung of splice(2). What it has read into the pipe counts as
// sent when it has left that. Without a pipe, for want of descriptors, the rest
// is for the next rung.
func spliceStep(t *transfer) (n int64, err error, handled bool) {
	dst := int(t.conn.fd)
	if len(t.head) > 0 {
		n, errno := sendHead(dst, t.head, t.left)
		return n, stepError("send", errno), true
	}
	p := &t.pipe
	if p.open() != nil {
		return 0, nil, false
	}
	if p.held == 0 {
		off := t.off
		m, err := splice(t.src, &off, p.w, min(t.left, int64(p.size)), unix.SPLICE_F_MOVE)
		switch {
		case refused(err):
			return 0, nil, false
		case err != nil:
			return 0, stepError("splice", err.(syscall.Errno)), true
		case m == 0:
			return 0, ErrFileShrank, true
		}
		p.held = int(m)
	}
	flags := unix.SPLICE_F_MOVE | unix.SPLICE_F_NONBLOCK
	if int64(p.held) < t.left {
		flags |= unix.SPLICE_F_MORE
	}
	n, err = splice(p.r, nil, dst, int64(p.held), flags)
	if refused(err) {
		return 0, nil, false
	}
	if err != nil {
		return 0, stepError("splice", err.(syscall.Errno)), true
	}
	p.held -= int(n)
	return n, nil, true
}

func splice(src int, off *int64, dst int, n int64, flags int) (int64, error) {
	for {
		m, err := unix.Splice(src, off, dst, nil, int(n), flags)
		if err != syscall.EINTR {
			return int64(max(m, 0)), err
		}
	}
}

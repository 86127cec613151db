package netio

import "syscall"

func (c *epollConn) WritePages(ahead []byte, date *[DateLen]byte, pages []PageRef) error {
	for len(pages) > MaxPages {
		if err := c.WritePages(ahead, date, pages[:MaxPages]); err != nil {
			return err
		}
		ahead, pages = nil, pages[MaxPages:]
	}
	for done := 0; ; {
		if err := c.writeStop(); err != nil {
			return err
		}
		n, errno := writePages(c.fd, ahead, date, pages, done)
		c.moved(n)
		if errno == 0 {
			return nil
		}
		done += n
		if err := c.writeFailed("sendmsg", errno); err != nil {
			return err
		}
	}
}

// A pageWriter writes from byte skip of the sequence on: ahead, then each page
// with date in its slot. It does not block. It returns how many bytes left
// and why no more did: 0 when that was all, EAGAIN when the descriptor takes no
// more for now. There are at most MaxPages pages, each with a slot within.
type pageWriter func(fd int32, ahead []byte, date *[DateLen]byte, pages []PageRef, skip int) (n int, errno syscall.Errno)

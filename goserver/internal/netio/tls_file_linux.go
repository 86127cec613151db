package netio

// SendFile is the rung of copies: the file is read in pieces, which are encrypted.
// While the peer takes no more, only ciphertext of one piece is held.
func (c *tlsConn) SendFile(head []byte, f File, off, n int64, ask Rung) (sent int64, used Rung, err error) {
	if c.inKernel() {
		return c.sendFilePlain(head, f, off, n, ask)
	}
	c.MayBlock() // on the disk
	advise(f, off, n)
	if err := c.flush(); err != nil {
		return 0, RungCopy, err
	}
	for len(head) > 0 || n > 0 {
		h, m, err := c.encryptPiece(head, f, off, n)
		if err := c.flush(); err != nil {
			return sent, RungCopy, err
		}
		head = head[h:]
		off, n, sent = off+m, n-m, sent+m
		if err != nil {
			return sent, RungCopy, err
		}
	}
	return sent, RungCopy, nil
}

// encryptPiece encrypts what fits of head and then of the file. h and m count their bytes.
func (c *tlsConn) encryptPiece(head []byte, f File, off, n int64) (h int, m int64, err error) {
	b := fileBuffers.Get().(*fileBuffer)
	defer fileBuffers.Put(b)
	filled, rerr := fillPiece(b[:c.room()], head, f, off, n)
	if filled > 0 {
		if err := c.encrypt(b[:filled]); err != nil {
			return 0, 0, err
		}
	}
	h = min(filled, len(head))
	return h, int64(filled - h), rerr
}

// WritePages encrypts the pages, gathered into full records.
func (c *tlsConn) WritePages(ahead []byte, date *[DateLen]byte, pages []PageRef) error {
	if c.inKernel() {
		return c.writePlain(func(c *epollConn) error { return c.WritePages(ahead, date, pages) })
	}
	for {
		var v [1 + 3*MaxPages][]byte
		v[0] = ahead
		some := pages[:min(len(pages), MaxPages)]
		for i := range some {
			p := &some[i]
			v[1+3*i], v[2+3*i], v[3+3*i] = p.Bytes[:p.Date], date[:], p.Bytes[p.Date+DateLen:]
		}
		if _, err := c.writeVec(v[:1+3*len(some)], true); err != nil {
			return err
		}
		if pages = pages[len(some):]; len(pages) == 0 {
			return nil
		}
		ahead = nil
	}
}

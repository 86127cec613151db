package wsframe

// A history is the end of what one end has sent, up to max octets: what the next
// message may refer to.
type history struct {
	octets []byte // the last ones, and up to a slack of older ones
	max    int
}

// slack is how many octets more than max are kept, so that the others need not
// move for each few that come.
func (h *history) slack() int { return h.max / 8 }

// last returns what may be referred to. It is good until add.
func (h *history) last() []byte { return h.octets[max(0, len(h.octets)-h.max):] }

// add appends p.
func (h *history) add(p []byte) {
	p = p[max(0, len(p)-h.max):]
	if len(h.octets)+len(p) > h.max+h.slack() {
		kept := h.octets[len(h.octets)-min(len(h.octets), h.max-len(p)):]
		h.octets = h.octets[:copy(h.octets, kept)]
	}
	if need := len(h.octets) + len(p); need > cap(h.octets) {
		more := make([]byte, len(h.octets), min(2*need, h.max+h.slack()))
		copy(more, h.octets)
		h.octets = more
	}
	h.octets = append(h.octets, p...)
}

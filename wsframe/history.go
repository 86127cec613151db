package wsframe

import "slices"

// A history is the end of what one end has sent, up to max octets: what the next
// message may refer to.
type history struct {
	octets []byte
	max    int
}

// add appends p.
func (h *history) add(p []byte) {
	if len(p) >= h.max {
		h.octets = append(h.octets[:0], p[len(p)-h.max:]...)
		return
	}
	if over := len(h.octets) + len(p) - h.max; over > 0 {
		h.octets = h.octets[:copy(h.octets, h.octets[over:])]
	}
	if need := len(h.octets) + len(p); need > cap(h.octets) {
		h.octets = slices.Grow(h.octets, min(2*need, h.max)-len(h.octets))
	}
	h.octets = append(h.octets, p...)
}

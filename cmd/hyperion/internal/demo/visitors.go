package demo

import (
	"net/netip"
	"time"
)

// Bounds of what comes to the chat from one address. Who is behind the same proxy shares one.
const (
	maxMembersFrom = 10 // at a time, in all rooms
	maxRoomsFrom   = 5  // at a time, of those that it has opened
	comesASecond   = 1
	comesAtOnce    = 20
	maxVisitors    = 4096 // that are known of at a time
)

// A visitor is all who come from one address.
type visitor struct {
	members, rooms int
	comes          *allowance
}

// visitors are those who are in a room, or were a moment ago.
type visitors map[netip.Prefix]*visitor

// from returns the visitor of an address; nil if no more can be known of.
func (vs visitors) from(at netip.Prefix, now time.Time) *visitor {
	v := vs[at]
	if v != nil {
		return v
	}
	if len(vs) >= maxVisitors {
		vs.forget(now)
	}
	if len(vs) >= maxVisitors {
		return nil
	}
	v = &visitor{comes: newAllowance(comesASecond, comesAtOnce)}
	vs[at] = v
	return v
}

// forget forgets who has gone and may come as often as anybody again.
func (vs visitors) forget(now time.Time) {
	for at, v := range vs {
		if v.members == 0 && v.rooms == 0 && v.comes.full(now) {
			delete(vs, at)
		}
	}
}

// objection returns why a visitor may not come into one room more, which is a new one if it
// opens that, or "".
func (v *visitor) objection(opens bool, now time.Time) string {
	switch {
	case v == nil:
		return "too many come from too many addresses"
	case !v.comes.take(1, now):
		return "not so fast: 1 entry a second from your address"
	case v.members == maxMembersFrom:
		return "10 from your address are here already"
	case opens && v.rooms == maxRoomsFrom:
		return "your address has opened 5 rooms already"
	}
	return ""
}

// whence returns the address that a client has for itself: all of it for IPv4, the network for
// IPv6, the zero value where there is none.
func whence(remote string) netip.Prefix {
	a, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	ip, bits := a.Addr().Unmap().WithZone(""), 32
	if ip.Is6() {
		bits = 64
	}
	at, _ := ip.Prefix(bits) // as many bits as it has: cannot fail
	return at
}

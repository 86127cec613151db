package demo

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/wsframe"
)

func TestWhence(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:80": "192.0.2.1/32", "[::ffff:192.0.2.1]:80": "192.0.2.1/32",
		"[2001:db8:1:2:3:4:5:6]:80": "2001:db8:1:2::/64", "[fe80::1%eth0]:80": "fe80::/64",
		"@": "invalid Prefix", "": "invalid Prefix",
	} {
		if got := whence(remote).String(); got != want {
			t.Errorf("%q: %s, want %s", remote, got, want)
		}
	}
}

func TestVisitor_objection(t *testing.T) {
	for _, c := range []struct {
		v     visitor
		opens bool
		want  string
	}{
		{visitor{members: maxMembersFrom - 1, rooms: maxRoomsFrom - 1}, true, ""},
		{visitor{members: maxMembersFrom}, false, "10 from your address are here already"},
		{visitor{rooms: maxRoomsFrom}, false, ""},
		{visitor{rooms: maxRoomsFrom}, true, "your address has opened 5 rooms already"},
	} {
		c.v.comes = newAllowance(0, 1)
		if got := c.v.objection(c.opens, c.v.comes.at); got != c.want {
			t.Errorf("%+v: %q, want %q", c.v, got, c.want)
		}
		if got, want := c.v.objection(c.opens, c.v.comes.at), "not so fast: 1 entry a second from your address"; got != want {
			t.Errorf("again: %q, want %q", got, want)
		}
	}
	if (*visitor)(nil).objection(false, time.Now()) == "" {
		t.Error("nobody may come in")
	}
}

// As many addresses are known of as may be; one is forgotten when it could as well be new.
func TestVisitors(t *testing.T) {
	vs := make(visitors)
	address := func(i int) netip.Prefix { return whence(fmt.Sprintf("[2001:db8:%x::1]:80", i)) }
	now := time.Now()
	for i := range maxVisitors {
		v := vs.from(address(i), now)
		if v == nil || vs.from(address(i), now) != v {
			t.Fatalf("visitor %d is not known", i)
		}
		v.comes.take(1, now)
	}
	if vs.from(address(maxVisitors), now) != nil || len(vs) != maxVisitors {
		t.Errorf("%d are known", len(vs))
	}
	vs.from(address(1), now).members = 1
	vs.from(address(2), now).rooms = 1
	if now = now.Add(time.Minute); vs.from(address(maxVisitors), now) == nil || len(vs) != 3 {
		t.Errorf("%d are known after a minute", len(vs))
	}
}

// One address takes neither all rooms nor all places of one.
func TestChat_boundsOfAnAddress(t *testing.T) {
	_, url := start(t)
	const at = "127.0.9.9"
	var first *speaker
	for i := range maxRoomsFrom {
		s := speakFrom(t, at, url, fmt.Sprint("/ws/chat?name=a&room=r", i))
		s.hear("hello")
		if first == nil {
			first = s
		}
	}
	if code, reason := speakFrom(t, at, url, "/ws/chat?name=a&room=more").closed(); code != wsframe.CloseTryAgainLater || reason != "your address has opened 5 rooms already" {
		t.Errorf("one room more: %d %s", code, reason)
	}
	for range maxMembersFrom - maxRoomsFrom {
		speakFrom(t, at, url, "/ws/chat?name=a&room=r1").hear("hello")
	}
	if code, reason := speakFrom(t, at, url, "/ws/chat?name=a&room=r1").closed(); code != wsframe.CloseTryAgainLater || reason != "10 from your address are here already" {
		t.Errorf("one member more: %d %s", code, reason)
	}
	other := enter(t, url, "r0", "b")
	other.hear("hello")
	first.c.Close()
	other.hear("went")
	other.c.Close()
	for { // the room is opened anew when both have left
		s := enter(t, url, "r0", "c")
		if n := s.hear("hello"); len(n.Here) == 1 {
			break
		}
		s.c.Close()
	}
	speakFrom(t, at, url, "/ws/chat?name=a&room=more").hear("hello")
}

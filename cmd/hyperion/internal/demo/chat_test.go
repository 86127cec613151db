package demo

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/wsframe"
)

func enter(t *testing.T, url, room, name string) *speaker {
	t.Helper()
	return speak(t, url, "/ws/chat?room="+room+"&name="+name)
}

func TestChat(t *testing.T) {
	_, url := start(t)
	ada := enter(t, url, "Moons", "Ada")
	if n := ada.hear("hello"); n.Name != "Ada" || n.Room != "moons" || n.Protocol != "HTTP/1.1" || len(n.Here) != 1 || n.Last != nil {
		t.Errorf("%+v", n)
	}
	ada.say("first")
	said := ada.hear("said")
	if said.Name != "Ada" || said.Text != "first" || time.Since(time.UnixMilli(said.At)).Abs() > time.Hour {
		t.Errorf("%+v", said)
	}
	second := enter(t, url, "moons", "Ada")
	if n := second.hear("hello"); n.Name != "Ada 2" || !slices.Equal(n.Here, []string{"Ada", "Ada 2"}) || len(n.Last) != 1 || n.Last[0].Text != "first" {
		t.Errorf("%+v", n)
	}
	if n := ada.hear("came"); n.Name != "Ada 2" || n.Here != nil {
		t.Errorf("%+v", n)
	}
	elsewhere := enter(t, url, "rings", "Eve")
	elsewhere.hear("hello")
	second.say("second")
	for _, s := range []*speaker{ada, second} {
		if n := s.hear("said"); n.Name != "Ada 2" || n.Text != "second" {
			t.Errorf("%+v", n)
		}
	}
	second.c.Close()
	if n := ada.hear("went"); n.Name != "Ada 2" || n.Here != nil {
		t.Errorf("%+v", n)
	}
	elsewhere.say("alone")
	if n := elsewhere.hear("said"); n.Text != "alone" {
		t.Errorf("rooms hear each other: %+v", n)
	}
}

// What is said comes as it is, and is never HTML on its way: hear looks for that.
func TestChat_escapes(t *testing.T) {
	_, url := start(t)
	s := enter(t, url, "x", "%3Cb%3E%26Ada")
	if n := s.hear("hello"); n.Name != "<b>&Ada" {
		t.Errorf("%+v", n)
	}
	for _, text := range []string{`<script>alert("x")</script>`, `</script><img src=x onerror='x'>`, `"}{"kind":"hello"`, `\u003c &lt;`, "\u2028two\nlines"} {
		s.say(text)
		if n := s.hear("said"); n.Text != text {
			t.Errorf("%q became %q", text, n.Text)
		}
	}
}

// The scripts of the site make elements and texts, never HTML from text.
func TestSite_scriptsMakeNoHTML(t *testing.T) {
	_, url := start(t)
	for _, p := range pages {
		if !strings.HasSuffix(p[0], ".js") {
			continue
		}
		_, script := get(t, url+p[0])
		for _, way := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "srcdoc", "createContextualFragment", "DOMParser", "eval(", "Function("} {
			if strings.Contains(string(script), way) {
				t.Errorf("%s has %s", p[0], way)
			}
		}
	}
}

func TestChat_keepsTheLast(t *testing.T) {
	_, url := start(t)
	listener := enter(t, url, "x", "L")
	listener.hear("hello")
	for i := range keptSaid + 5 {
		s := enter(t, url, "x", "S")
		s.hear("hello")
		s.say(fmt.Sprint(i))
		listener.hear("came")
		listener.hear("said")
		s.c.Close()
		listener.hear("went")
	}
	late := enter(t, url, "x", "S")
	last := late.hear("hello").Last
	if len(last) != keptSaid || last[0].Text != "5" || last[keptSaid-1].Text != fmt.Sprint(keptSaid+4) {
		t.Errorf("%d: %+v", len(last), last)
	}
	listener.c.Close()
	late.hear("went")
	late.c.Close()
	for { // the room goes when all have gone
		s := enter(t, url, "x", "S")
		n := s.hear("hello")
		if s.c.Close(); len(n.Last) == 0 {
			break
		}
	}
}

func TestChat_bounds(t *testing.T) {
	_, url := start(t)
	for _, c := range []struct {
		query, reason string
	}{
		{"room=x", "a name has"}, {"room=x&name=+", "a name has"}, {"room=x&name=" + strings.Repeat("a", maxName+1), "a name has"},
		{"name=a", "a room's name has"}, {"name=a&room=a/b", "a room's name has"}, {"name=a&room=" + strings.Repeat("a", maxName+1), "a room's name has"},
	} {
		if code, reason := speak(t, url, "/ws/chat?"+c.query).closed(); code != wsframe.ClosePolicyViolation || !strings.HasPrefix(reason, c.reason) {
			t.Errorf("%s: %d %s", c.query, code, reason)
		}
	}
	for range maxMembers {
		enter(t, url, "full", "a").hear("hello")
	}
	if code, reason := enter(t, url, "full", "a").closed(); code != wsframe.CloseTryAgainLater || reason != "the room is full: 50 are in it" {
		t.Errorf("%d %s", code, reason)
	}
	for i := range maxRooms - 1 {
		enter(t, url, fmt.Sprint("r", i), "a").hear("hello")
	}
	if code, reason := enter(t, url, "more", "a").closed(); code != wsframe.CloseTryAgainLater || reason != "there are 100 rooms already" {
		t.Errorf("%d %s", code, reason)
	}
}

func TestChat_refuses(t *testing.T) {
	_, url := start(t)
	s := enter(t, url, "x", "a")
	s.hear("hello")
	longest := strings.Repeat("土", maxSaid)
	s.say(longest)
	if n := s.hear("said"); n.Text != longest {
		t.Errorf("%d characters became %d bytes", maxSaid, len(n.Text))
	}
	for text, why := range map[string]string{strings.Repeat("x", maxSaid+1): "too long", " \n ": "nothing to see", "a\x1b[1m": "nothing to see"} {
		s.say(text)
		if n := s.hear("refused"); !strings.HasPrefix(n.Text, why) {
			t.Errorf("%.20q: %s", text, n.Text)
		}
	}
	s.say(strings.Repeat("x", 5*maxSaid))
	if code, _ := s.closed(); code != wsframe.CloseMessageTooBig {
		t.Errorf("5 times too long: %d", code)
	}
	s = enter(t, url, "y", "a")
	s.send(wsframe.Binary, []byte("x"))
	if code, _ := s.closed(); code != wsframe.CloseUnsupportedData {
		t.Errorf("binary: %d", code)
	}
}

func TestChat_flood(t *testing.T) {
	_, url := start(t)
	s := enter(t, url, "x", "a")
	for range 200 { // fewer if the server is soon done with them
		s.say("x")
	}
	if code, reason := s.closed(); code != wsframe.ClosePolicyViolation || reason != "not so fast: 3 messages a second" {
		t.Errorf("%d %s", code, reason)
	}
}

func TestNames(t *testing.T) {
	for in, want := range map[string]string{"Ada": "Ada", "  Ada \t L. ": "Ada L.", "土星": "土星", "a\u202eb": "", "a\x00b": "", "\xff": "", "": "", "é☾": "é☾"} {
		if got, ok := personName(in); ok != (want != "") || ok && got != want {
			t.Errorf("name %q: %q, %v", in, got, ok)
		}
	}
	for in, want := range map[string]string{"Lobby": "lobby", " a-1 ": "a-1", "a b": "", "../x": "", "": "", "Ørsted": "ørsted"} {
		if got, ok := roomName(in); ok != (want != "") || ok && got != want {
			t.Errorf("room %q: %q, %v", in, got, ok)
		}
	}
}

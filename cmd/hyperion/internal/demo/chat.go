package demo

import (
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/wsframe"
)

// Bounds of the chat.
const (
	maxRooms    = 100
	maxMembers  = 50  // of a room
	maxName     = 24  // characters, also of a room's
	maxSaid     = 500 // characters of what is said
	keptSaid    = 20  // that who comes is told; nothing else is kept
	saidASecond = 3
	saidAtOnce  = 10
	maxRefused  = 30 // refused in a row: the socket is closed
)

// A chat is rooms that exist while somebody is in them.
type chat struct {
	hub     goserver.Hub // a topic for each room
	options goserver.WebSocketOptions

	mu       sync.Mutex // also held while a room publishes, so that all see one order
	rooms    map[string]*room
	visitors visitors
}

type room struct {
	name    string
	opener  *visitor
	members []*member // in the order in which they came
	last    []notice
}

// A member is a socket in a room; the Data of its WebSocket.
type member struct {
	socket  *goserver.WebSocket
	visitor *visitor
	room    *room
	name    string // no other in the room has it
	rate    *allowance
	refused int // in a row
}

func newChat() *chat {
	c := &chat{rooms: make(map[string]*room), visitors: make(visitors)}
	c.options = goserver.WebSocketOptions{
		MaxMessageBytes: utf8.UTFMax * maxSaid,
		QueueBytes:      64 << 10,
		QueuePolicy:     goserver.QueueDisconnect,
		OnMessage:       func(ws *goserver.WebSocket, t goserver.MessageType, p []byte) { c.heard(ws, t, p) },
		OnClose: func(ws *goserver.WebSocket, _ error) {
			if m, ok := ws.Data.(*member); ok {
				go c.leave(m) // the goroutine may be one that publishes, and has others wait
			}
		},
	}
	return c
}

// ServeHTTP lets a socket into the room that the query names.
func (c *chat) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ws, err := goserver.Upgrade(w, r, &c.options)
	if err != nil {
		return // it is answered
	}
	q := r.URL.Query()
	name, ok := personName(q.Get("name"))
	if !ok {
		ws.Close(wsframe.ClosePolicyViolation, "a name has 1 to 24 letters, digits, signs and spaces")
		return
	}
	roomName, ok := roomName(q.Get("room"))
	if !ok {
		ws.Close(wsframe.ClosePolicyViolation, "a room's name has 1 to 24 letters, digits and hyphens")
		return
	}
	c.join(&member{socket: ws, name: name, rate: newAllowance(saidASecond, saidAtOnce)}, roomName, r)
}

// join tells the member who is there and what it missed, and the others that it came.
func (c *chat) join(m *member, name string, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	in, now := c.rooms[name], time.Now()
	m.visitor = c.visitors.from(whence(r.RemoteAddr), now)
	why := m.visitor.objection(in == nil, now)
	switch {
	case why != "":
	case in == nil && len(c.rooms) == maxRooms:
		why = "there are 100 rooms already"
	case in != nil && len(in.members) == maxMembers:
		why = "the room is full: 50 are in it"
	}
	if why != "" {
		m.socket.Close(wsframe.CloseTryAgainLater, why)
		return
	}
	if in == nil {
		in = &room{name: name, opener: m.visitor}
		in.opener.rooms++
		c.rooms[name] = in
	}
	m.room, m.name = in, in.free(m.name)
	m.visitor.members++
	in.members = append(in.members, m)
	m.socket.Data = m
	m.tell(notice{Kind: "hello", Protocol: r.Proto, Room: name, Name: m.name, Here: in.names(), Last: in.last})
	if err := c.hub.Join(name, m.socket); err != nil {
		m.socket.Close(wsframe.CloseInternalError, "")
	}
	c.publish(in, m.socket, notice{Kind: "came", Name: m.name})
}

// leave undoes join.
func (c *chat) leave(m *member) {
	c.mu.Lock()
	defer c.mu.Unlock()
	in := m.room
	m.visitor.members--
	in.members = slices.DeleteFunc(in.members, func(o *member) bool { return o == m })
	if len(in.members) == 0 {
		in.opener.rooms--
		delete(c.rooms, in.name)
		return
	}
	c.publish(in, nil, notice{Kind: "went", Name: m.name})
}

// heard is called with what a member says.
func (c *chat) heard(ws *goserver.WebSocket, t goserver.MessageType, p []byte) {
	m, ok := ws.Data.(*member)
	if !ok {
		return // it was not let in, and is being closed
	}
	if t != goserver.TextMessage {
		ws.Close(wsframe.CloseUnsupportedData, "the chat takes text")
		return
	}
	if why := m.objection(p, time.Now()); why != "" {
		if m.refused++; m.refused > maxRefused {
			ws.Close(wsframe.ClosePolicyViolation, why)
			return
		}
		m.tell(notice{Kind: "refused", Text: why})
		return
	}
	m.refused = 0
	c.say(m, notice{Kind: "said", Name: m.name, Text: string(p), At: time.Now().UnixMilli()})
}

// objection returns why something may not be said, or "".
func (m *member) objection(p []byte, now time.Time) string {
	switch {
	case !m.rate.take(1, now):
		return "not so fast: 3 messages a second"
	case utf8.RuneCount(p) > maxSaid:
		return "too long: 500 characters at most"
	case !sayable(string(p)):
		return "nothing to see in that"
	}
	return ""
}

func (c *chat) say(m *member, n notice) {
	c.mu.Lock()
	defer c.mu.Unlock()
	in := m.room
	if len(in.last) == keptSaid {
		in.last = slices.Delete(in.last, 0, 1)
	}
	in.last = append(in.last, n)
	c.publish(in, nil, n)
}

// publish sends a notice to all members of a room but one. mu is held.
func (c *chat) publish(in *room, except *goserver.WebSocket, n notice) {
	c.hub.PublishExcept(except, in.name, goserver.TextMessage, n.json())
}

// tell sends a notice to the member alone.
func (m *member) tell(n notice) { m.socket.Write(goserver.TextMessage, n.json()) }

func (r *room) names() []string {
	names := make([]string, len(r.members))
	for i, m := range r.members {
		names[i] = m.name
	}
	return names
}

// free returns name, with a number if another member has it.
func (r *room) free(name string) string {
	names := r.names()
	for n, try := 2, name; ; n++ {
		if !slices.Contains(names, try) {
			return try
		}
		try = name + " " + strconv.Itoa(n)
	}
}

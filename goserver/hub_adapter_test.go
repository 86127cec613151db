package goserver

import (
	"bytes"
	"errors"
	"fmt"
	"log"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A fakeAdapter notes what it is told to do.
type fakeAdapter struct {
	mu      sync.Mutex
	calls   []string
	receive func(string, MessageType, []byte)
	gate    chan struct{} // a call waits for it; nil: none does
	closed  chan struct{}
	fails   error
}

func newFakeAdapter() *fakeAdapter { return &fakeAdapter{closed: make(chan struct{})} }

func (a *fakeAdapter) call(format string, args ...any) error {
	if a.gate != nil {
		select {
		case <-a.gate:
		case <-a.closed:
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls = append(a.calls, fmt.Sprintf(format, args...))
	return a.fails
}

func (a *fakeAdapter) Start(f func(string, MessageType, []byte)) error {
	a.receive = f
	return a.call("start")
}
func (a *fakeAdapter) Subscribe(topic string) error   { return a.call("subscribe %s", topic) }
func (a *fakeAdapter) Unsubscribe(topic string) error { return a.call("unsubscribe %s", topic) }
func (a *fakeAdapter) Publish(topic string, t MessageType, p []byte) error {
	return a.call("publish %s %v %s", topic, t, p)
}
func (a *fakeAdapter) Close() error {
	close(a.closed)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls = append(a.calls, "close")
	return nil
}

// did returns what the adapter has done since the last call.
func (a *fakeAdapter) did() (calls []string) {
	synctest.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	calls, a.calls = a.calls, nil
	return calls
}

func (a *fakeAdapter) want(t *testing.T, calls ...string) {
	t.Helper()
	if got := a.did(); !slices.Equal(got, calls) {
		t.Errorf("the adapter was called\n%q, want\n%q", got, calls)
	}
}

func TestHub_adapter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newFakeAdapter()
		h := Hub{Adapter: a}
		p, q := newFakePeer(-1), newFakePeer(-1)
		s, other := fakeSocket(p, nil), fakeSocket(q, nil)
		must(t, h.Join("x", s))
		a.want(t, "start", "subscribe x")
		must(t, h.Join("x", other))
		must(t, h.PublishExcept(s, "x", TextMessage, []byte("1")))
		must(t, h.Publish("nobody here", BinaryMessage, []byte("2")))
		a.want(t, "publish x text 1", "publish nobody here binary 2")
		a.receive("x", TextMessage, []byte("from afar"))
		a.receive("nobody here", TextMessage, []byte("late"))
		a.receive("x", 8, []byte("no message"))
		a.want(t) // what has come does not go back
		h.Leave("x", s)
		a.want(t)
		other.Abort()
		a.want(t, "unsubscribe x")
		if got := p.messages(t); !slices.Equal(got, []string{"from afar"}) {
			t.Errorf("got %q", got)
		}
		if got := q.messages(t); !slices.Equal(got, []string{"1", "from afar"}) {
			t.Errorf("the other got %q", got)
		}
		if got, want := h.Stats(), (HubStats{Published: 2, Received: 2, Delivered: 3}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		must(t, h.Join("y", s))
		must(t, h.Publish("y", TextMessage, []byte("3")))
		must(t, h.Close())
		a.want(t, "subscribe y", "publish y text 3", "close")
		a.receive("y", TextMessage, []byte("after Close"))
		s.Abort()
		a.want(t)
		if err := h.Close(); err != ErrHubClosed {
			t.Errorf("Close again: %v", err)
		}
	})
}

// An adapter that waits has nobody wait. What gathers is bounded, and topics that came and went meanwhile
// are nothing to it.
func TestHub_adapterWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newFakeAdapter()
		a.gate = make(chan struct{})
		h := Hub{Adapter: a, AdapterBytes: 10 * (1 + 97 + relayedMore)}
		p := newFakePeer(-1)
		s := fakeSocket(p, nil)
		must(t, h.Join("x", s))
		for range 20 {
			must(t, h.Publish("x", TextMessage, []byte(strings.Repeat("m", 97))))
			must(t, h.Join("y", s))
			h.Leave("y", s)
		}
		must(t, h.Join("z", s))
		synctest.Wait()
		if got, want := h.Stats(), (HubStats{Topics: 2, Members: 2, Published: 20, Delivered: 20, Unsent: 10}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		close(a.gate)
		calls := a.did()
		published := 0
		calls = slices.DeleteFunc(calls, func(c string) bool {
			if strings.HasPrefix(c, "publish") {
				published++
				return true
			}
			return false
		})
		slices.Sort(calls)
		if want := []string{"start", "subscribe x", "subscribe z"}; !slices.Equal(calls, want) || published != 10 {
			t.Errorf("the adapter was called %q, and published %d", calls, published)
		}
		for range 10 { // there is room again
			must(t, h.Publish("x", TextMessage, []byte(strings.Repeat("m", 97))))
		}
		if calls := a.did(); len(calls) != 10 {
			t.Errorf("the adapter was called %q", calls)
		}
		s.Abort()
		must(t, h.Close())
	})
}

// Messages without content take memory as well.
func TestHub_adapterWaitsForLittle(t *testing.T) {
	a := newFakeAdapter()
	a.gate = make(chan struct{})
	h := Hub{Adapter: a, AdapterBytes: 1000}
	for range 1000 {
		must(t, h.Publish("x", TextMessage, nil))
	}
	if n := h.Stats().Unsent; n < 1000-1-1000/relayedMore {
		t.Errorf("%d messages wait in 1000 bytes", 1000-n)
	}
	close(a.gate)
	must(t, h.Close())
}

// Close does not wait longer than 5 seconds for an adapter, whose Close ends what waits.
func TestHub_adapterHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newFakeAdapter()
		h := Hub{Adapter: a}
		must(t, h.Publish("x", TextMessage, []byte("1")))
		a.want(t, "start", "publish x text 1")
		a.gate = make(chan struct{})
		for i := range 3 {
			must(t, h.Publish("x", TextMessage, fmt.Append(nil, i)))
		}
		begun := time.Now()
		must(t, h.Close())
		if d := time.Since(begun); d != 5*time.Second {
			t.Errorf("Close took %v", d)
		}
		if n := h.Stats().Unsent; n != 2 {
			t.Errorf("%d messages unsent, want 2", n)
		}
	})
}

func TestHub_adapterFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newFakeAdapter()
		a.fails = errors.New("failed")
		var told []string
		h := Hub{Adapter: a, OnAdapterError: func(topic string, err error) { told = append(told, topic+" "+err.Error()) }}
		must(t, h.Publish("x", TextMessage, []byte("1")))
		a.want(t, "start", "publish x text 1")
		must(t, h.Close())
		if want := []string{" failed", "x failed"}; !slices.Equal(told, want) {
			t.Errorf("told of %q, want %q", told, want)
		}
		if n := h.Stats().Unsent; n != 1 {
			t.Errorf("%d unsent", n)
		}
	})
}

// OnAdapterError may panic, or end its goroutine: that is logged, and the Hub goes on.
func TestHub_adapterErrorPanics(t *testing.T) {
	var logged bytes.Buffer // written by one goroutine, and read behind Close
	log.SetOutput(&logged)
	defer log.SetOutput(os.Stderr)
	for name, end := range map[string]func(){"panics": func() { panic("a test") }, "exits": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			logged.Reset()
			a := newFakeAdapter()
			a.fails = errors.New("failed")
			told := 0
			h := Hub{Adapter: a, OnAdapterError: func(string, error) { told++; end() }}
			must(t, h.Publish("x", TextMessage, []byte("1")))
			must(t, h.Publish("x", TextMessage, []byte("2")))
			must(t, h.Close())
			if told != 3 || h.Stats().Unsent != 2 { // of Start as well
				t.Errorf("told %d times, %d unsent", told, h.Stats().Unsent)
			}
			if n := strings.Count(logged.String(), "panic in OnAdapterError: a test"); name == "panics" && n != 3 || name == "exits" && logged.Len() > 0 {
				t.Errorf("logged %q", logged.String())
			}
		})
	}
}

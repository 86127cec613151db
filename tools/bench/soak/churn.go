package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	bigFile = "big.txt"
	bigSize = 1 << 20
)

// A churner opens connections, misuses them and drops them, each kind in a
// loop of its own.
type churner struct {
	addr   string
	habits []habit
	rate   int            // connections of each habit without a herd that are opened a second, at most
	done   []atomic.Int64 // connections by habit
	wrong  atomic.Int64   // answers that were not what they must be
	mu     sync.Mutex
	errs   map[string]error // the first of each habit
}

// A habit is what a client does with a connection before it closes it.
type habit struct {
	name  string
	reset bool // it ends the connection with RST
	herd  int  // so many are open at all times; 0: they come by the clock
	act   func(*net.TCPConn) error
}

var habitsHTTP1 = []habit{
	{name: "closed by the server", act: func(c *net.TCPConn) error {
		return exchange(c, "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 1, "hello")
	}},
	{name: "half a head", act: func(c *net.TCPConn) error { return send(c, "GET /hello HTTP/1.1\r\nHo") }},
	{name: "half a head, reset", reset: true, act: func(c *net.TCPConn) error { return send(c, "GET /hello HTTP/1.1\r\nHo") }},
	{name: "reset in a file", reset: true, act: func(c *net.TCPConn) error {
		if err := send(c, "GET /files/"+bigFile+" HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
			return err
		}
		_, err := io.ReadFull(c, make([]byte, 1024))
		return err
	}},
	{name: "pipelined, unread", act: func(c *net.TCPConn) error {
		return send(c, strings.Repeat("GET /static HTTP/1.1\r\nHost: a\r\n\r\n", 50))
	}},
	{name: "pipelined, read", act: func(c *net.TCPConn) error {
		return exchange(c, strings.Repeat("GET /direct HTTP/1.1\r\nHost: a\r\n\r\n", 16), 16, "hello")
	}},
	{name: "reset in its own body", reset: true, act: func(c *net.TCPConn) error {
		return send(c, "POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nten bytes.")
	}},
	{name: "reset in a stream", reset: true, act: func(c *net.TCPConn) error {
		if err := send(c, "GET /sse?n=1000&gap=1ms HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
			return err
		}
		_, err := io.ReadFull(c, make([]byte, 500))
		return err
	}},
	{name: "idle, then used again", act: func(c *net.TCPConn) error {
		const request = "GET /static HTTP/1.1\r\nHost: a\r\n\r\n"
		if err := exchange(c, request, 1, "hello"); err != nil {
			return err
		}
		time.Sleep(time.Second) // parked meanwhile
		return exchange(c, request, 1, "hello")
	}},
	{name: "malformed", act: func(c *net.TCPConn) error {
		if err := send(c, "GET / HTTP/1.1\r\nHost : a\r\n\r\n"); err != nil {
			return err
		}
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err == nil && resp.StatusCode != http.StatusBadRequest {
			err = fmt.Errorf("%w: %s to a malformed request", errWrong, resp.Status)
		}
		return err
	}},
}

// perSecond is how many connections of a habit are opened a second; of WebSockets over TLS a fifth, as the one
// processor of the clients has enough to do with the handshakes.
const perSecond = 30

// gathering is how long the herds take to come, at that rate; at a fifth of it five times as long.
const gathering = 5 * time.Second

func newChurner(addr string, habits []habit, rate int) *churner {
	return &churner{addr: addr, habits: habits, rate: rate, errs: make(map[string]error), done: make([]atomic.Int64, len(habits))}
}

func (c *churner) run(ctx context.Context) {
	var running sync.WaitGroup
	for i := range c.habits {
		herd := c.habits[i].herd
		if herd == 0 {
			running.Go(func() { c.repeat(ctx, i) })
		}
		for n := range herd {
			running.Go(func() { c.replace(ctx, i, n) })
		}
	}
	running.Wait()
}

// replace opens a connection of a habit whenever the one before has ended.
func (c *churner) replace(ctx context.Context, i, n int) {
	select {
	case <-ctx.Done():
	case <-time.After(rand.N(gathering * perSecond / time.Duration(c.rate))):
	}
	for ctx.Err() == nil && c.once(i, n) {
		n++
	}
}

// repeat has up to 128 connections of a habit open at once.
func (c *churner) repeat(ctx context.Context, i int) {
	tick := time.NewTicker(time.Second / time.Duration(c.rate))
	defer tick.Stop()
	var running sync.WaitGroup
	defer running.Wait()
	slots := make(chan struct{}, 128)
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			c.once(i, n)
		})
	}
}

// once does a habit once, from one of 64 addresses, so that ports do not run out. ok is false if an answer was wrong.
func (c *churner) once(i, n int) (ok bool) {
	h := &c.habits[i]
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 2, byte(1+n%64))}, Timeout: 10 * time.Second}
	conn, err := d.Dial("tcp", c.addr)
	if err != nil {
		c.fail(h.name, err)
		return false
	}
	defer conn.Close()
	tcp := conn.(*net.TCPConn)
	tcp.SetDeadline(time.Now().Add(20 * time.Second))
	if h.reset {
		tcp.SetLinger(0)
	}
	if err := h.act(tcp); err != nil {
		c.fail(h.name, err)
		return false
	}
	c.done[i].Add(1)
	return true
}

func (c *churner) fail(habit string, err error) {
	c.wrong.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.errs[habit] == nil {
		c.errs[habit] = err
	}
}

// first tells the first error of each habit.
func (c *churner) first() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []string
	for habit, err := range c.errs {
		all = append(all, fmt.Sprintf("%s: %v", habit, err))
	}
	return strings.Join(all, "; ")
}

// String counts the connections by habit.
func (c *churner) String() string {
	var all []string
	for i := range c.habits {
		all = append(all, fmt.Sprintf("%d %s", c.done[i].Load(), c.habits[i].name))
	}
	return strings.Join(all, "; ")
}

var errWrong = errors.New("wrong answer")

func send(c net.Conn, s string) error {
	_, err := io.WriteString(c, s)
	return err
}

// exchange sends requests and reads n answers, all 200 with that body.
func exchange(c *net.TCPConn, requests string, n int, body string) error {
	if err := send(c, requests); err != nil {
		return err
	}
	r := bufio.NewReader(c)
	for range n {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return err
		}
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK || string(b) != body {
			return fmt.Errorf("%w: %s, %q", errWrong, resp.Status, b)
		}
	}
	return nil
}

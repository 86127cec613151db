package proc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

var (
	errEnded  = errors.New("proc: the server ended")
	errNoPort = errors.New("proc: the server does not listen after 10 s")
)

// FreeAddr returns a loopback address on which nothing listens now.
func FreeAddr() (netip.AddrPort, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return netip.AddrPort{}, err
	}
	defer l.Close()
	return netip.ParseAddrPort(l.Addr().String())
}

// StartServer starts a server as Start does and waits until it accepts
// connections on the address. The error of one that does not tells the first
// line that it printed.
func StartServer(ctx context.Context, cpu int, addr netip.AddrPort, name string, args ...string) (*Process, error) {
	var said output
	p, err := Start(cpu, &said, name, args...)
	if err != nil {
		return nil, err
	}
	p.said = &said
	if err := p.awaitListener(ctx, addr); err != nil {
		p.Stop()
		return nil, fmt.Errorf("%w: %s", err, said.firstLine())
	}
	return p, nil
}

// Ended returns an error when a server that StartServer started has ended by
// itself; it tells the first line that it printed.
func (p *Process) Ended() error {
	select {
	case <-p.done:
		return fmt.Errorf("%w: %s", errEnded, p.said.firstLine())
	default:
		return nil
	}
}

func (p *Process) awaitListener(ctx context.Context, addr netip.AddrPort) error {
	deadline := time.After(10 * time.Second)
	for {
		if c, err := net.Dial("tcp", addr.String()); err == nil {
			return c.Close()
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-p.done:
			return errEnded
		case <-deadline:
			return errNoPort
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// output keeps the beginning of what a server prints.
type output struct {
	mu sync.Mutex
	b  []byte
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.b) < 4096 {
		o.b = append(o.b, p...)
	}
	return len(p), nil
}

func (o *output) firstLine() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	line, _, _ := strings.Cut(string(o.b), "\n")
	return line
}

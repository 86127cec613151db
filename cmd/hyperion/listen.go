package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"syscall"

	"github.com/hyperion-server/hyperion/cmd/hyperion/internal/portholder"
)

// listen opens a listening socket; its errors say what to do about them, and with
// which flag the port is chosen.
func listen(host, port, flag string) (net.Listener, error) {
	if host == "" { // would be every address, which nobody means by an empty variable
		return nil, badConfig(errors.New("--bind is empty: expected a host; 0.0.0.0 or :: is every address"))
	}
	if _, err := netip.ParseAddrPort(host); err == nil {
		return nil, badConfig(fmt.Errorf("cannot listen on %q: expected a host without a port, which --port gives", host))
	}
	addr := net.JoinHostPort(host, port)
	l, err := net.Listen("tcp", addr)
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, &failure{exitBusy, fmt.Errorf("cannot listen on %s: the port is in use%s; %s chooses another", addr, holder(addr), flag)}
	case errors.Is(err, fs.ErrPermission):
		return nil, badConfig(fmt.Errorf("cannot listen on %s: not permitted; a port below 1024 needs the capability CAP_NET_BIND_SERVICE", addr))
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, badConfig(fmt.Errorf("cannot listen on %s: this machine does not have the address", addr))
	}
	return nil, badConfig(fmt.Errorf("cannot listen on %s: %w", addr, err))
}

// holder tells who has the port, as the end of a sentence.
func holder(addr string) string {
	at, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return ""
	}
	h, err := portholder.Find(at.AddrPort())
	if err != nil {
		return fmt.Sprintf(" (by whom could not be determined: %v)", err)
	}
	return fmt.Sprintf(" by %v", h)
}

//go:build !linux

package netio

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

// epollSet is empty where there is no epoll: every connection is a plainConn.
type epollSet struct{}

func (*Engine) serveEpoll(context.Context, net.Listener, *tls.Config, func(Conn)) (bool, error) {
	return false, nil
}
func (*Engine) eachEpoll(func(engineConn)) {}
func (*Engine) sweepEpoll(time.Duration)   {}
func (*Engine) stopEpoll()                 {}

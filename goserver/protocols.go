package goserver

import (
	"cmp"
	"math"
	"net"
	"net/http"
	"runtime"
	"slices"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/h2"
)

// Defaults of Server.HTTP2, and of what is said of HTTP/2 beside it.
const (
	DefaultMaxConcurrentStreams = h2.DefaultMaxStreams
	DefaultStreamWindow         = h2.DefaultStreamWindow
	DefaultConnWindow           = h2.DefaultConnWindow
	DefaultMaxFrameSize         = h2.DefaultMaxFrameSize
	DefaultPingInterval         = 30 * time.Second
)

// DefaultMaxTotalStreams is the default of MaxTotalStreams, or four times the streams of one
// connection for each processor, if that is more.
const DefaultMaxTotalStreams = 16_384

// protocols returns what the server speaks, as http.Server decides it: HTTP/2 goes
// when TLSNextProto is there without it.
func (s *Server) protocols() http.Protocols {
	if s.Protocols != nil {
		return *s.Protocols
	}
	var p http.Protocols
	p.SetHTTP1(true)
	p.SetHTTP2(s.TLSNextProto == nil || s.TLSNextProto["h2"] != nil)
	return p
}

// priorKnowledge reports whether clients of l may speak HTTP/2 without TLS: where
// Protocols does not say so, those on this machine may.
func (s *Server) priorKnowledge(l net.Listener) bool {
	if s.Protocols != nil {
		return s.Protocols.UnencryptedHTTP2()
	}
	if s.TLSNextProto != nil {
		return false
	}
	switch a := l.Addr().(type) {
	case *net.TCPAddr:
		return a.IP.IsLoopback()
	case *net.UnixAddr:
		return true
	}
	return false
}

// nextProtos returns the protocols offered by ALPN, the preferred ones first: those
// that s speaks, and what else is asked for.
func (s *Server) nextProtos(asked []string) []string {
	p := s.protocols()
	var protos []string
	if p.HTTP2() {
		protos = append(protos, "h2")
	}
	if p.HTTP1() {
		protos = append(protos, "http/1.1")
	}
	for _, name := range asked {
		if name != "h2" && name != "http/1.1" && !slices.Contains(protos, name) {
			protos = append(protos, name)
		}
	}
	return protos
}

// http2Config returns the settings of HTTP/2. What is out of range is clamped, and said.
func (s *Server) http2Config() h2.Config {
	var o http.HTTP2Config
	if s.HTTP2 != nil {
		o = *s.HTTP2
	}
	streams := s.clamp("MaxConcurrentStreams", cmp.Or(o.MaxConcurrentStreams, DefaultMaxConcurrentStreams), 1, math.MaxInt32)
	total := s.MaxTotalStreams
	if total == 0 {
		total = max(DefaultMaxTotalStreams, 4*streams*runtime.GOMAXPROCS(0))
	}
	return h2.Config{
		Config:          s.cfg,
		MaxStreams:      uint32(streams),
		MaxTotalStreams: int64(max(total, 0)),
		StreamWindow:    uint32(s.clamp("MaxReceiveBufferPerStream", cmp.Or(o.MaxReceiveBufferPerStream, DefaultStreamWindow), 1, math.MaxInt32)),
		ConnWindow:      int64(s.clamp("MaxReceiveBufferPerConnection", cmp.Or(o.MaxReceiveBufferPerConnection, DefaultConnWindow), 1<<16-1, math.MaxInt32)),
		MaxFrameSize:    uint32(s.clamp("MaxReadFrameSize", cmp.Or(o.MaxReadFrameSize, DefaultMaxFrameSize), 1<<14, 1<<24-1)),
		WriteStall:      span(cmp.Or(o.WriteByteTimeout, s.WriteIdleTimeout), DefaultWriteIdleTimeout),
		Ping:            span(o.SendPingTimeout, DefaultPingInterval),
		ConnectProtocol: s.WebSockets,
		Timing:          s.HTTP2Timing,
	}
}

// clamp returns v within what RFC 9113 §6.5.2 allows.
func (s *Server) clamp(name string, v, least, most int) int {
	c := min(max(v, least), most)
	if c != v {
		s.errorLog().Printf("goserver: HTTP2.%s is %d, which must be from %d to %d: using %d", name, v, least, most, c)
	}
	return c
}

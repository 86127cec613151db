package main

import (
	"errors"
	"net/http"

	"github.com/spf13/pflag"

	"github.com/hyperion-server/hyperion/cmd/hyperion/internal/setting"
	"github.com/hyperion-server/hyperion/goserver"
)

var errClearHTTP2 = errors.New("--h2c on and --no-http2 exclude each other")

// http2Flags are the settings of HTTP/2.
type http2Flags struct {
	on            bool
	clear         setting.Choice
	streams       setting.Count
	totalStreams  totalStreams
	window, frame setting.Size
	ping          setting.Span
	timing        bool
}

func newHTTP2Flags() http2Flags {
	return http2Flags{
		on:      true,
		clear:   setting.Choice{Word: "auto", Words: []string{"auto", "on", "off"}},
		streams: setting.Count{N: goserver.DefaultMaxConcurrentStreams},
		window:  setting.Size{Bytes: goserver.DefaultStreamWindow, Max: 1<<31 - 1},
		frame:   setting.Size{Bytes: goserver.DefaultMaxFrameSize, Min: 1 << 14, Max: 1<<24 - 1}, // RFC 9113 §4.2
		ping:    setting.Span{D: goserver.DefaultPingInterval, Optional: true},
	}
}

func (f *http2Flags) define(fs *pflag.FlagSet) {
	toggle(fs, &f.on, "http2", "speak HTTP/2 to who offers it (off: --no-http2)")
	setting.Negate(fs, "http2", &f.on)
	fs.Var(&f.clear, "h2c", "HTTP/2 without TLS, by prior knowledge; auto: with clients on this machine, when --bind is a loopback address")
	fs.Var(&f.streams, "h2-max-concurrent-streams", "of one connection; others are refused")
	fs.Var(&f.totalStreams, "h2-max-total-streams", "at once, of all connections; others are refused. auto: 16384, or four connections full of them for each processor, if that is more")
	fs.Var(&f.window, "h2-initial-window-size", "of a request's body that may wait to be read")
	fs.Var(&f.frame, "h2-max-frame-size", "of a frame that a client may send: 16KiB at least. --max-header-bytes is the longest header list")
	fs.Var(&f.ping, "h2-ping", "after which a client is asked for a sign of life that is silent while a request is open")
	toggle(fs, &f.timing, "h2-timing", "log the timings of the first stream of each connection")
}

// check finds what does not go together.
func (f *http2Flags) check() error {
	if !f.on && f.clear.Word == "on" {
		return errClearHTTP2
	}
	return nil
}

// configure gives the settings to srv.
func (f *http2Flags) configure(srv *goserver.Server) {
	srv.HTTP2 = &http.HTTP2Config{
		MaxConcurrentStreams:      f.streams.N,
		MaxReceiveBufferPerStream: int(f.window.Bytes),
		MaxReadFrameSize:          int(f.frame.Bytes),
		SendPingTimeout:           f.ping.D,
	}
	srv.MaxTotalStreams = f.totalStreams.N
	if f.on && f.clear.Word == "auto" {
		return
	}
	srv.Protocols = new(http.Protocols)
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetHTTP2(f.on)
	srv.Protocols.SetUnencryptedHTTP2(f.clear.Word == "on")
}

// totalStreams is a number of streams, "none", of which "unbounded" is another
// name, or "auto", which is 0.
type totalStreams struct{ setting.Count }

func (v *totalStreams) Set(s string) error {
	switch s {
	case "auto":
		v.N = 0
		return nil
	case "unbounded":
		s = "none"
	}
	v.Optional = true
	if err := v.Count.Set(s); err != nil {
		return errors.New("expected a whole number from 1 up, auto or none")
	}
	return nil
}

func (v *totalStreams) String() string {
	if v.N == 0 {
		return "auto"
	}
	return v.Count.String()
}

package main

import (
	"errors"
	"testing"

	"github.com/spf13/pflag"

	"github.com/hyperion-server/hyperion/cmd/hyperion/internal/setting"
	"github.com/hyperion-server/hyperion/goserver"
)

func TestHTTP2Flags(t *testing.T) {
	type want struct {
		spoken                       string // "" when the server decides
		streams, total, window, size int
		timing                       bool
		err                          error
	}
	const mib = 1 << 20
	for _, c := range []struct {
		name, environ string
		args          []string
		want          want
	}{
		{name: "default", want: want{streams: 128, window: mib, size: mib}},
		{name: "off", args: []string{"--no-http2"}, want: want{spoken: "{HTTP1}", streams: 128, window: mib, size: mib}},
		{name: "h2c on", args: []string{"--h2c", "on"}, want: want{spoken: "{HTTP1,HTTP2,UnencryptedHTTP2}", streams: 128, window: mib, size: mib}},
		{name: "h2c off", args: []string{"--h2c=off"}, want: want{spoken: "{HTTP1,HTTP2}", streams: 128, window: mib, size: mib}},
		{name: "on and off", args: []string{"--no-http2", "--h2c=on"}, want: want{err: errClearHTTP2}},
		{name: "limits", args: []string{"--h2-max-concurrent-streams=7", "--h2-max-total-streams=9", "--h2-initial-window-size=64KiB", "--h2-max-frame-size=16KiB"},
			want: want{streams: 7, total: 9, window: 64 << 10, size: 16 << 10}},
		{name: "no total", args: []string{"--h2-max-total-streams=unbounded"}, want: want{streams: 128, total: setting.None, window: mib, size: mib}},
		{name: "total as it is", args: []string{"--h2-max-total-streams=auto"}, environ: "HYPERION_H2_MAX_TOTAL_STREAMS=9", want: want{streams: 128, window: mib, size: mib}},
		{name: "environment", environ: "HYPERION_H2_TIMING=1", want: want{streams: 128, window: mib, size: mib, timing: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newHTTP2Flags()
			fs := pflag.NewFlagSet("", pflag.ContinueOnError)
			f.define(fs)
			if err := errors.Join(fs.Parse(c.args), setting.Apply(fs, []string{c.environ})); err != nil {
				t.Fatal(err)
			}
			if err := f.check(); !errors.Is(err, c.want.err) {
				t.Fatalf("got %v, want %v", err, c.want.err)
			} else if err != nil {
				return
			}
			var s goserver.Server
			f.configure(&s)
			got := want{streams: s.HTTP2.MaxConcurrentStreams, total: s.MaxTotalStreams, window: s.HTTP2.MaxReceiveBufferPerStream, size: s.HTTP2.MaxReadFrameSize, timing: f.timing}
			if s.Protocols != nil {
				got.spoken = s.Protocols.String()
			}
			if got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			if s.HTTP2.SendPingTimeout != goserver.DefaultPingInterval {
				t.Errorf("a silent client is asked after %v", s.HTTP2.SendPingTimeout)
			}
		})
	}
	if err := new(totalStreams).Set("0"); err == nil {
		t.Error("a limit of 0 streams was taken")
	}
}

package demo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
)

const (
	eventsPath  = "/events"
	sampleEvery = 500 * time.Millisecond
)

// A sample is one event of the stream. Rates and latencies are of the time
// since the sample before.
type sample struct {
	RPS      float64 `json:"rps"`
	P50      float64 `json:"p50"` // µs; 0: nothing was answered
	P99      float64 `json:"p99"` // µs
	Conns    int64   `json:"conns"`
	Parked   int64   `json:"parked"`
	InFlight int64   `json:"inFlight"`
	Requests int64   `json:"requests"`
	BytesOut int64   `json:"bytesOut"`
}

// A sampler makes samples of one stream; it keeps the readings before.
type sampler struct {
	site    *Site
	at      time.Time
	stats   goserver.Stats
	latency counts
}

func (s *Site) sampler() *sampler {
	return &sampler{site: s, at: time.Now(), stats: s.stats(), latency: s.latency.read()}
}

func (p *sampler) next() sample {
	now, stats, latency := time.Now(), p.site.stats(), p.site.latency.read()
	seen := latency.since(&p.latency)
	out := sample{
		P50: micros(seen.quantile(.50)), P99: micros(seen.quantile(.99)),
		Conns: stats.Conns, Parked: stats.Parked, InFlight: stats.InFlight,
		Requests: stats.Requests, BytesOut: stats.BytesOut,
	}
	if passed := now.Sub(p.at).Seconds(); passed > 0 {
		out.RPS = float64(stats.Requests-p.stats.Requests) / passed
	}
	p.at, p.stats, p.latency = now, stats, latency
	return out
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// serveEvents streams samples (WHATWG HTML, section 9.2) until the client goes
// or the site stops: "hello" once, then "sample" twice a second, "bye" at the end.
func (s *Site) serveEvents(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	if r.Method == http.MethodHead {
		return
	}
	stream := http.NewResponseController(w)
	send := func(name string, v any) error {
		data, err := json.Marshal(v)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "event: %s\ndata: %s\n\n", name, data); err != nil {
			return err
		}
		return stream.Flush()
	}
	samples, tick := s.sampler(), time.NewTicker(sampleEvery)
	defer tick.Stop()
	err := send("hello", s.About)
	for err == nil {
		select {
		case <-tick.C:
			err = send("sample", samples.next())
		case <-s.stop:
			send("bye", struct{}{})
			return
		case <-r.Context().Done():
			return
		}
	}
}

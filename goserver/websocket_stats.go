package goserver

import (
	"slices"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/ws"
	"github.com/hyperion-server/hyperion/wsframe"
)

// WebSocketStats are counts of the WebSockets of a route since the server began.
type WebSocketStats struct {
	Route                   string
	Open, Opened            int64
	MessagesIn, MessagesOut int64
	BytesIn, BytesOut       int64 // of messages, before they are compressed
	Dropped                 int64 // messages, by QueueDropOldest

	// Closed are those that have ended, by code: 1006 without a closing handshake; 3000 and
	// 4000 stand for all codes of their thousand.
	Closed map[wsframe.CloseCode]int64

	// DeflateRatio is of messages to what is sent for them, both ways. Ping is of the times from the
	// server's own pings to their pongs, in seconds.
	DeflateRatio, Ping Histogram
}

// A Histogram counts values by size.
type Histogram struct {
	Bounds []float64 // the upper bounds of all buckets but the last, ascending
	Counts []int64   // of the buckets
	Sum    float64   // of the values
}

// WebSocketStats returns the counts of each route that has had WebSockets, in no order. It may be
// called at any time.
func (s *Server) WebSocketStats() []WebSocketStats {
	s.start()
	var all []WebSocketStats
	for name, r := range s.sockets.Routes {
		st := WebSocketStats{
			Route: name, Open: r.Open.Load(), Opened: r.Opened.Load(),
			MessagesIn: r.MessagesIn.Load(), MessagesOut: r.MessagesOut.Load(),
			BytesIn: r.BytesIn.Load(), BytesOut: r.BytesOut.Load(), Dropped: r.Dropped.Load(),
			Closed:       make(map[wsframe.CloseCode]int64),
			DeflateRatio: Histogram{Bounds: slices.Clone(ws.RatioBounds[:]), Sum: float64(r.RatioSum.Load()) / 1000},
			Ping:         Histogram{Sum: time.Duration(r.PingSum.Load()).Seconds()},
		}
		for code, n := range r.Closes {
			st.Closed[code] = n
		}
		for i := range r.Ratio {
			st.DeflateRatio.Counts = append(st.DeflateRatio.Counts, r.Ratio[i].Load())
		}
		for i := range r.Ping {
			st.Ping.Counts = append(st.Ping.Counts, r.Ping[i].Load())
		}
		for _, b := range ws.PingBounds {
			st.Ping.Bounds = append(st.Ping.Bounds, b.Seconds())
		}
		all = append(all, st)
	}
	return all
}

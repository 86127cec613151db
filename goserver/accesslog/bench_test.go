package accesslog

import (
	"io"
	"sync/atomic"
	"testing"
)

// BenchmarkLog is the cost of a line with one connection a goroutine. The
// benchmark takes the lines itself when a shard is half full, as the writer
// does, since no destination keeps up with a loop that only logs.
func BenchmarkLog(b *testing.B) {
	for name, f := range map[string]Format{"json": JSON, "text": Text} {
		b.Run(name, func(b *testing.B) {
			l := New(io.Discard, Options{Format: f})
			defer l.Close()
			b.ReportAllocs()
			b.SetBytes(int64(len(encode(f, sample()))))
			var port atomic.Uint32
			b.RunParallel(func(pb *testing.PB) {
				r := from(uint16(port.Add(1)), "/index.html")
				for pb.Next() {
					s := l.shard(r)
					if _, halfFull := s.add(r); halfFull {
						s.giveBack(s.take())
					}
				}
			})
			b.ReportMetric(float64(l.Dropped())/float64(b.N), "dropped/op")
		})
	}
}

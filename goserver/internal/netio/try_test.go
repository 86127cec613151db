package netio

import (
	"bytes"
	"io"
	"testing"
)

// TryWritev never waits: with a peer that reads nothing it comes short in the end.
// What it left follows when the peer reads again, and no byte is lost or doubled.
func TestConn_TryWritev(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			short, result := make(chan bool), make(chan error, 1)
			want := bytes.Repeat([]byte("0123456789abcdefg"), 2<<20/17*8) // more than the sockets hold
			te := run(t, k, Config{}, func(c Conn) {
				defer c.End()
				c.Read(make([]byte, 16))
				left, told := want, false
				for len(left) > 0 {
					piece := min(len(left), 100_000)
					n, err := c.TryWritev(left[:1], nil, left[1:piece])
					left = left[n:]
					if err != nil {
						result <- err
						return
					}
					if n == int64(piece) {
						continue
					}
					if !told {
						told = true
						short <- true
					}
					if err := c.CanWrite(); err != nil {
						result <- err
						return
					}
				}
				if n, err := c.TryWritev(); n != 0 || err != nil {
					t.Errorf("of nothing: %d, %v", n, err)
				}
				_, err := c.Write([]byte("end"))
				result <- err
			})
			c := te.dial()
			c.Write([]byte("x"))
			<-short
			got, err := io.ReadAll(c)
			if err != nil || !bytes.Equal(got, append(want[:len(want):len(want)], "end"...)) {
				t.Errorf("got %d bytes, want %d; %v", len(got), len(want)+3, err)
			}
			if err := <-result; err != nil {
				t.Error(err)
			}
		})
	}
}

// A peer that takes nothing ends CanWrite at the expiry, an abort at once.
func TestConn_CanWrite_error(t *testing.T) {
	for _, k := range kinds {
		for _, tc := range []struct {
			name string
			stop func(Conn)
			want error
		}{
			{"expired", func(c Conn) { c.WriteExpiry(1) }, ErrWriteExpired},
			{"idle", func(c Conn) { c.WriteIdle(1) }, ErrWriteExpired},
			{"aborted", func(c Conn) { go c.Abort() }, ErrAborted},
		} {
			t.Run(k.name+"/"+tc.name, func(t *testing.T) {
				got := make(chan error, 1)
				te := run(t, k, Config{}, func(c Conn) {
					defer c.End()
					c.Read(make([]byte, 16))
					if tc.want == ErrWriteExpired && tc.name == "idle" {
						tc.stop(c)
					}
					piece := make([]byte, 1<<20)
					for n := int64(len(piece)); n == int64(len(piece)); {
						n, _ = c.TryWritev(piece)
					}
					if tc.name != "idle" {
						tc.stop(c)
					}
					err := c.CanWrite()
					for err == nil { // it may return early
						if _, err = c.TryWritev(piece); err == nil {
							err = c.CanWrite()
						}
					}
					got <- err
				})
				te.dial().Write([]byte("x"))
				if err := <-got; err != tc.want {
					t.Errorf("%v, want %v", err, tc.want)
				}
			})
		}
	}
}

package netio

import (
	"bytes"
	"io"
	"testing"
)

// A slow peer gets every page, in order and with the date, however many there are.
func TestConn_WritePages(t *testing.T) {
	date := [DateLen]byte([]byte("Sat, 21 Nov 2026 09:36:38 GMT"))
	var pages []PageRef
	want := []byte("ahead")
	for i := range 2*MaxPages + 1 {
		size := DateLen + i*i*100
		if i < 2 {
			size = 8 << 20 // more than the sockets hold: several waits in one call
		}
		p := PageRef{bytes.Repeat([]byte{byte('a' + i)}, size), i}
		pages = append(pages, p)
		want = append(want, p.Bytes[:i]...)
		want = append(want, date[:]...)
		want = append(want, p.Bytes[i+DateLen:]...)
	}
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			te := run(t, k, Config{}, func(c Conn) {
				defer c.End()
				c.Read(make([]byte, 16))
				if err := c.WritePages([]byte("ahead"), &date, pages); err != nil {
					t.Error(err)
				}
			})
			c := te.dial()
			c.SetReadBuffer(128 << 10)
			c.Write([]byte("x"))
			if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, want) {
				t.Errorf("got %d bytes, want %d; equal: %v; %v", len(got), len(want), bytes.Equal(got, want), err)
			}
		})
	}
}

// A peer that takes nothing ends the call at the expiry, one that goes with the
// error of the system.
func TestConn_WritePages_error(t *testing.T) {
	var date [DateLen]byte
	pages := []PageRef{{make([]byte, 64<<20), 0}} // more than the sockets hold
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			got := make(chan error, 2)
			te := run(t, k, Config{}, func(c Conn) {
				defer c.End()
				c.Read(make([]byte, 16))
				c.WriteExpiry(1) // long ago
				got <- c.WritePages(nil, &date, pages)
				c.Abort()
				got <- c.WritePages(nil, &date, pages)
			})
			te.dial().Write([]byte("x"))
			if err := <-got; err != ErrWriteExpired {
				t.Errorf("expired: %v", err)
			}
			if err := <-got; err != ErrAborted {
				t.Errorf("aborted: %v", err)
			}
		})
	}
}

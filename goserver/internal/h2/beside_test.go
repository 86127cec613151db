package h2

import (
	"net/http"
	"testing"
	"time"
)

// What one goroutine of a handler calls does not wait for what another one waits in:
// that may be what it is to end.
func TestBeside(t *testing.T) {
	for _, tc := range []struct {
		name  string
		waits func(w http.ResponseWriter, r *http.Request) error
		call  func(w http.ResponseWriter, r *http.Request) error
		ends  bool // call has the other one end
	}{
		{"SetReadDeadline and Write", writeLong, func(w http.ResponseWriter, r *http.Request) error {
			return http.NewResponseController(w).SetReadDeadline(time.Now().Add(time.Hour))
		}, false},
		{"SetWriteDeadline and Write", writeLong, func(w http.ResponseWriter, r *http.Request) error {
			return http.NewResponseController(w).SetWriteDeadline(time.Now())
		}, true},
		{"SetReadDeadline and Read", readBody, func(w http.ResponseWriter, r *http.Request) error {
			return http.NewResponseController(w).SetReadDeadline(time.Now())
		}, true},
		{"Close and Read", readBody, func(w http.ResponseWriter, r *http.Request) error { return r.Body.Close() }, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			// Who waits for a lock holds up the clock of the bubble, so this is of another one.
			stuck := make(chan struct{})
			defer time.AfterFunc(time.Minute, func() { close(stuck) }).Stop()
			run(t, handler(func(w http.ResponseWriter, r *http.Request) {
				waited, called := make(chan error, 1), make(chan error, 1)
				go func() { waited <- tc.waits(w, r) }()
				time.Sleep(time.Second)
				go func() { called <- tc.call(w, r) }()
				select {
				case err := <-called:
					must(t, err)
				case <-stuck:
					t.Error("it waits")
					panic(http.ErrAbortHandler)
				}
				if !tc.ends {
					return
				}
				if err := <-waited; err == nil {
					t.Error("what waited has no error")
				}
			}), func(b *bench) {
				s := b.greet("")
				s.hush()
				s.talk("> HEADERS 1 | :method POST | :scheme http | :authority a | :path /\nwait 2s")
			})
		})
	}
}

func writeLong(w http.ResponseWriter, r *http.Request) error {
	_, err := w.Write(make([]byte, 100_000))
	return err
}

func readBody(w http.ResponseWriter, r *http.Request) error {
	_, err := r.Body.Read(make([]byte, 1))
	return err
}

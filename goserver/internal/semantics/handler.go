package semantics

import (
	"net/http"
	"runtime/debug"

	"github.com/hyperion-server/hyperion/goserver/internal/direct"
)

// Admit counts a request for the handler in, and reports whether it may run: with
// more than MaxInFlight it is to be refused with ErrOverload. Release is due in
// either case.
func (c *Config) Admit() bool {
	running := c.Counters.InFlight.Add(1)
	if c.MaxInFlight > 0 && running > c.MaxInFlight {
		c.Counters.Shed.Add(1)
		return false
	}
	return true
}

// Release counts out what Admit counted in.
func (c *Config) Release() { c.Counters.InFlight.Add(-1) }

// An Exchange is the ResponseWriter of a handler that may fail.
type Exchange interface {
	http.ResponseWriter

	// Failed is called when the handler did not return. When exiting is set it
	// called runtime.Goexit, and this call is the last that the goroutine makes.
	Failed(exiting bool)
}

// Run calls the handler. It reports false when that panicked, which is logged
// unless it was http.ErrAbortHandler: then the client must see a broken response
// rather than a short one. After runtime.Goexit it does not return.
func (c *Config) Run(x Exchange, r *http.Request) (ok bool) {
	defer func() {
		if ok {
			return
		}
		v := recover()
		x.Failed(v == nil)
		if v != nil && v != http.ErrAbortHandler {
			c.Logf("http: panic serving %v: %v\n%s", r.RemoteAddr, v, debug.Stack())
		}
	}()
	c.Handler.ServeHTTP(x, r)
	return true
}

// RunDirect calls the handler of a direct route. It reports false when that
// panicked, which is logged: the answer is ErrPanic. After runtime.Goexit it
// calls exiting, and does not return.
func (c *Config) RunDirect(h direct.Handler, ctx *direct.Ctx, exiting interface{ Exiting() }) (ok bool) {
	defer func() {
		if ok {
			return
		}
		v := recover()
		if v == nil {
			exiting.Exiting()
			return
		}
		q, _ := direct.Describe(ctx)
		c.Logf("goserver: panic serving %v %s: %v\n%s", q.Remote, q.Path, v, debug.Stack())
	}()
	h(ctx)
	return true
}

// CloseAll closes what the handler of a direct route handed over with its response.
func CloseAll(r *direct.Response) {
	for _, c := range r.Closers {
		c.Close()
	}
}

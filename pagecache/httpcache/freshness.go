package httpcache

import (
	"net/http"
	"strings"
	"time"
)

// A head is what a stored response's fields say of it.
type head struct {
	text         string // the page's head: status line, fields, empty line
	control      control
	etag         string
	lastModified string
	lifetime     time.Duration // freshness lifetime (RFC 9111 §4.2.1)
}

// head reads the head of a stored response.
func (s stored) head() head {
	h := head{text: string(s.page.Head())}
	var controls [4]string
	all := controls[:0]
	expires := ""
	for name, value := range fields(h.text) {
		switch name {
		case "Cache-Control":
			all = append(all, value)
		case "Etag":
			h.etag = value
		case "Last-Modified":
			h.lastModified = value
		case "Expires":
			expires = value
		}
	}
	h.control = parseControl(all)
	h.lifetime = lifetime(&h.control, expires, time.Unix(s.date, 0))
	return h
}

// fields yields the names and values of a page's head, without the Date, whose
// slot holds none.
func fields(head string) func(yield func(name, value string) bool) {
	return func(yield func(name, value string) bool) {
		_, rest, _ := strings.Cut(head, "\r\n")
		for {
			line, after, _ := strings.Cut(rest, "\r\n")
			name, value, found := strings.Cut(line, ": ")
			if !found || name != "Date" && !yield(name, value) {
				return
			}
			rest = after
		}
	}
}

// lifetime returns the freshness lifetime that a response states: s-maxage, else
// max-age, else Expires (RFC 9111 §4.2.1). None is guessed (§4.2.2).
func lifetime(c *control, expires string, date time.Time) time.Duration {
	switch {
	case c.malformed:
		return 0
	case c.sMaxAge != none:
		return time.Duration(c.sMaxAge) * time.Second
	case c.maxAge != none:
		return time.Duration(c.maxAge) * time.Second
	}
	until, err := http.ParseTime(expires)
	if err != nil { // "0", too, is in the past (RFC 9111 §5.3)
		return 0
	}
	return min(max(until.Sub(date), 0), time.Duration(forever)*time.Second)
}

// initialAge returns the age of a response as it comes from the handler (RFC
// 9111 §4.2.3). delay is how long that took. A handler that gives neither Age nor Date
// is the origin, and what it makes is new.
func initialAge(h http.Header, now time.Time, delay time.Duration) time.Duration {
	var apparent, corrected time.Duration
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		apparent = max(now.Sub(date), 0)
	}
	if age, ok := parseSeconds(h.Get("Age")); ok {
		corrected = time.Duration(age)*time.Second + delay
	}
	return max(apparent, corrected)
}

// A verdict says whether a stored response may be used for a request.
type verdict uint8

const (
	validate verdict = iota // not before the handler has agreed
	use
	useStale // and validate in the background
)

// judge decides on a stored response of an age (RFC 9111 §4.2, §4.2.4, §5.2.1).
func judge(req *control, h *head, age time.Duration) verdict {
	left := h.lifetime - age
	switch {
	case req.noCache,
		req.maxAge != none && age > req.maxAge.duration(),
		req.minFresh != none && left < req.minFresh.duration():
		return validate
	case left > 0:
		return use
	case !h.mayBeStale():
		return validate
	case req.maxStale != none && -left <= req.maxStale.duration():
		return use
	case h.control.whileRevalidate != none && -left <= h.control.whileRevalidate.duration():
		return useStale
	}
	return validate
}

// mayBeStale reports whether no directive forbids to use the response when it
// is stale (RFC 9111 §4.2.4); s-maxage does as well (§5.2.2.10).
func (h *head) mayBeStale() bool {
	c := &h.control
	return !c.mustRevalidate && !c.proxyRevalidate && c.sMaxAge == none
}

// mayCoverError reports whether the response may stand for an error of the
// handler at that age (RFC 5861 §4).
func (h *head) mayCoverError(age time.Duration) bool {
	return h.mayBeStale() && h.control.ifError != none && age-h.lifetime <= h.control.ifError.duration()
}

func (s seconds) duration() time.Duration { return time.Duration(s) * time.Second }

// shared reports whether the response says that a shared cache may keep it although the
// request had credentials (RFC 9111 §3.5).
func (c *control) shared() bool { return c.public || c.sMaxAge != none || c.mustRevalidate }

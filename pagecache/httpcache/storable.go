package httpcache

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hyperion-server/hyperion/pagecache"
)

// credentials reports whether a response to the request may be meant for one
// user. For Authorization RFC 9111 §3.5 has the rule; Cookie is held to the same one
// here, since a handler that forgets to say "private" would else show one
// user's page to all.
func credentials(h http.Header) bool { return len(h["Authorization"]) > 0 || len(h["Cookie"]) > 0 }

// unstorable are response fields with which nothing is stored: they are meant
// for one client, tell of a part, or come after the body.
var unstorable = []string{"Set-Cookie", "Set-Cookie2", "Content-Range", "Trailer", "Transfer-Encoding", "Upgrade"}

// storable decides by a response's status and fields whether it may be stored (RFC
// 9111 §3), at an age. It must be complete as well, which shows later. Only status 200 is: what
// else has a meaning that lasts is cheap to make again, and an error that lasts is worse than one that does not.
// Stricter than the RFC are: no-cache is not stored, freshness must be stated, and so must a validator. A name that
// is not canonical was not set by the methods of http.Header, and could hide any of these fields.
func storable(status int, h http.Header, credentials bool, date time.Time, age time.Duration) (vary []string, ok bool) {
	c := parseControl(h["Cache-Control"])
	switch {
	case status != http.StatusOK,
		c.malformed, c.noStore, c.private, c.noCache,
		credentials && !c.shared(),
		len(h["Etag"]) > 1 || h.Get("Etag") == "" && h.Get("Last-Modified") == "",
		len(h["Expires"]) > 1 && c.maxAge == none && c.sMaxAge == none,
		lifetime(&c, h.Get("Expires"), date) <= age,
		slices.ContainsFunc(unstorable, func(name string) bool { return len(h[name]) > 0 }):
		return nil, false
	}
	for name := range h {
		if http.CanonicalHeaderKey(name) != name {
			return nil, false
		}
	}
	return varyNames(h["Vary"])
}

// connectionFields are never stored (RFC 9111 §3.1), nor are those that Connection names.
// Content-Length, Date and Age are made anew.
var connectionFields = []string{
	"Age", "Connection", "Content-Length", "Date", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authentication-Info",
	"Proxy-Authorization", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// storedFields returns the fields of h to store, sorted by name. Those that stood there with the same value
// before the handler was called belong to a middleware around it, which will set them again: they
// are left out, except for those that say what the response is.
func storedFields(h, before http.Header) []pagecache.Field {
	names := make([]string, 0, len(h))
	for name, values := range h {
		own := describes(name) || !slices.Equal(values, before[name])
		if own && !slices.Contains(connectionFields, name) && !isTrailer(name) && !nominated(h, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var all []pagecache.Field
	for _, name := range names {
		for _, v := range h[name] {
			all = append(all, pagecache.Field{Name: name, Value: strings.Trim(v, " \t")})
		}
	}
	return all
}

// describes reports whether a field says what a response is, so that it is
// stored whoever has set it.
func describes(name string) bool {
	switch name {
	case "Cache-Control", "Etag", "Expires", "Last-Modified", "Vary", "Content-Type", "Content-Encoding", "Content-Language", "Content-Location":
		return true
	}
	return false
}

// nominated reports whether Connection lists the field (RFC 9110 §7.6.1).
func nominated(h http.Header, name string) bool {
	for _, v := range h["Connection"] {
		for option := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.Trim(option, " \t"), name) {
				return true
			}
		}
	}
	return false
}

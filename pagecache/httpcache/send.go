package httpcache

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// name is this cache's in Cache-Status (RFC 9211 §2).
const name = "hyperion"

// A reply is a stored response to send.
type reply struct {
	stored
	head *head
	age  time.Duration
	how  string // it came about, as Cache-Status tells after the name
	made bool   // for this very request, by the handler
}

// send answers GET or HEAD.
func (re *reply) send(w http.ResponseWriter, r *http.Request) {
	unmodified := re.unmodified(r)
	re.describe(w.Header(), unmodified)
	switch {
	case unmodified:
		w.WriteHeader(http.StatusNotModified)
	case r.Method == http.MethodHead:
		w.WriteHeader(http.StatusOK)
	case len(r.Header["Range"]) > 0:
		modified, _ := http.ParseTime(re.head.lastModified) // for If-Range; zero if there is none
		http.ServeContent(w, r, "", modified, bytes.NewReader(re.page.Body()))
	default:
		w.WriteHeader(http.StatusOK)
		w.Write(re.page.Body()) // the server knows of an error, and nobody else can act on it
	}
}

// describe sets the fields of the response, with its Date, its Age (RFC 9111
// §5.1) and what this cache did. The values it makes are slices of one string.
func (re *reply) describe(h http.Header, unmodified bool) {
	var buf [256]byte
	b := append(append(buf[:0], name+"; "...), re.how...)
	b = strconv.AppendInt(append(b, "; ttl="...), int64(re.head.lifetime/time.Second)-int64(re.age/time.Second), 10)
	status := len(b)
	b = time.Unix(re.date, 0).UTC().AppendFormat(b, http.TimeFormat)
	date := len(b)
	b = strconv.AppendInt(b, int64(re.age/time.Second), 10)
	made := string(b)

	values := make([]string, 0, strings.Count(re.head.text, "\n")+3)
	add := func(name, value string, more bool) {
		first := len(values)
		if more {
			first -= len(h[name])
		}
		values = append(values, value)
		h[name] = values[first:len(values):len(values)]
	}
	last, typed := "", false
	for name, value := range fields(re.head.text) {
		if unmodified && re.ofContent(name) {
			continue
		}
		add(name, value, name == last)
		last = name
		typed = typed || name == "Content-Type"
	}
	if !typed {
		h["Content-Type"] = nil // as the handler had it: the server guesses none
	}
	add("Date", made[status:date], false)
	if !re.made || re.age >= time.Second {
		add("Age", made[date:], false)
	}
	if before := h["Cache-Status"]; len(before) > 0 {
		h["Cache-Status"] = append(before, made[:status]) // those nearer to the origin come first
	} else {
		add("Cache-Status", made[:status], false)
	}
}

// ofContent reports whether a field describes a body that a 304 has not (RFC 9110
// §15.4.5).
func (re *reply) ofContent(name string) bool {
	switch name {
	case "Content-Type", "Content-Length", "Content-Encoding", "Content-Language":
		return true
	case "Last-Modified":
		return re.head.etag != ""
	}
	return false
}

// unmodified evaluates the preconditions that are a cache's to evaluate (RFC 9111
// §4.3.2), in the order of RFC 9110 §13.2.2. A response without Last-Modified
// counts as changed at its Date.
func (re *reply) unmodified(r *http.Request) bool {
	if tags := r.Header["If-None-Match"]; len(tags) > 0 {
		for _, list := range tags {
			if matches(list, re.head.etag) {
				return true
			}
		}
		return false
	}
	since := r.Header["If-Modified-Since"]
	if len(since) != 1 {
		return false
	}
	t, err := http.ParseTime(since[0])
	if err != nil {
		return false // RFC 9110 §13.1.3
	}
	modified, err := http.ParseTime(re.head.lastModified)
	if err != nil {
		modified = time.Unix(re.date, 0)
	}
	return !modified.After(t)
}

// matches reports whether a list of entity-tags has one that is weakly equal to
// etag, or is "*" (RFC 9110 §13.1.2, §8.8.3.2).
func matches(list, etag string) bool {
	if strings.Trim(list, " \t") == "*" {
		return true
	}
	etag = strings.TrimPrefix(etag, "W/")
	for list != "" {
		list = strings.TrimLeft(list, " \t,")
		list = strings.TrimPrefix(list, "W/")
		if !strings.HasPrefix(list, `"`) {
			return false
		}
		end := strings.IndexByte(list[1:], '"')
		if end < 0 {
			return false
		}
		if list[:end+2] == etag {
			return true
		}
		list = list[end+2:]
	}
	return false
}

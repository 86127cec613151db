package accesslog

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
)

const (
	// maxField is the number of bytes of a client's value that a line shows;
	// a longer one is cut and ends in "…".
	maxField = 2048

	maxEscape = 6   // bytes that one byte of a value takes at most: \u0001
	fixedPart = 640 // bytes of a line beside the client's values, rounded up
	fields    = 8   // client's values in a line

	_ = uint(minHalf - fixedPart - fields*maxField*maxEscape) // the longest line finds room
)

// An encoder appends lines to buf. It keeps the last time stamp, since many
// lines share their millisecond.
type encoder struct {
	format Format
	buf    []byte
	millis int64 // Unix time of stamp; 0 means none
	stamp  [stampRoom]byte
}

const (
	stampLayout = "2006-01-02T15:04:05.000Z"
	stampRoom   = 32 // AppendFormat needs some bytes to spare
)

// lineBound returns how many bytes the line of r takes at most.
func lineBound(r *goserver.Record) int {
	n := min(len(r.Method), maxField) + min(len(r.Proto), maxField)
	for _, v := range [fields - 2][]byte{r.Path, r.Query, r.RequestID, r.Host, r.UserAgent, r.Referer} {
		n += min(len(v), maxField)
	}
	return fixedPart + maxEscape*n
}

// line appends the line of r, dated when its response was complete.
func (e *encoder) line(r *goserver.Record) {
	e.begin(r.Start.Add(r.Duration), info, "request")
	e.text("method", r.Method)
	e.value("path", r.Path)
	e.optional("query", r.Query)
	e.number("status", int64(r.Status))
	e.duration("duration_ms", r.Duration)
	e.address("remote_addr", r.Remote.Addr())
	e.text("http_version", r.Proto)
	e.number("bytes", r.BytesOut)
	e.number("bytes_in", r.BytesIn)
	e.duration("ttfb_ms", r.FirstByte)
	e.optional("request_id", r.RequestID)
	e.optional("host", r.Host)
	e.optional("user_agent", r.UserAgent)
	e.optional("referer", r.Referer)
	e.end()
}

// droppedLine appends the line that stands for n missing ones.
func (e *encoder) droppedLine(now time.Time, n, total uint64) {
	e.begin(now, warn, "access log lines dropped")
	e.number("dropped", int64(n))
	e.number("dropped_total", int64(total))
	e.end()
}

// A level is the word for it in each format.
type level struct{ json, text string }

var (
	info = level{"info", "INFO "}
	warn = level{"warn", "WARN "}
)

// begin starts a line; message is plain text of ours.
func (e *encoder) begin(at time.Time, lv level, message string) {
	if ms := at.UnixMilli(); ms != e.millis || ms == 0 {
		e.millis = ms
		at.UTC().AppendFormat(e.stamp[:0], stampLayout)
	}
	if e.format == JSON {
		e.buf = append(e.buf, `{"ts":"`...)
		e.buf = append(e.buf, e.stamp[:len(stampLayout)]...)
		e.buf = append(e.buf, `","level":"`...)
		e.buf = append(e.buf, lv.json...)
		e.buf = append(e.buf, `","source":"hyperion"`...)
	} else {
		e.buf = append(e.buf, e.stamp[:len(stampLayout)]...)
		e.buf = append(e.buf, ' ')
		e.buf = append(e.buf, lv.text...)
		e.buf = append(e.buf, " [hyperion]"...)
	}
	e.text("message", message)
}

func (e *encoder) end() {
	if e.format == JSON {
		e.buf = append(e.buf, '}')
	}
	e.buf = append(e.buf, '\n')
}

func (e *encoder) key(name string) {
	if e.format == JSON {
		e.buf = append(e.buf, `,"`...)
		e.buf = append(e.buf, name...)
		e.buf = append(e.buf, `":`...)
		return
	}
	e.buf = append(e.buf, ' ')
	e.buf = append(e.buf, name...)
	e.buf = append(e.buf, '=')
}

func (e *encoder) text(name, v string) { e.value(name, []byte(v)) }

// optional appends the field unless it is empty.
func (e *encoder) optional(name string, v []byte) {
	if len(v) > 0 {
		e.value(name, v)
	}
}

func (e *encoder) value(name string, v []byte) {
	e.key(name)
	v, cut := shorten(v)
	if e.format == JSON {
		e.buf = appendJSON(e.buf, v, cut)
	} else {
		e.buf = appendText(e.buf, v, cut)
	}
}

func (e *encoder) number(name string, v int64) {
	e.key(name)
	e.buf = strconv.AppendInt(e.buf, v, 10)
}

// duration appends milliseconds with two decimals.
func (e *encoder) duration(name string, d time.Duration) {
	e.key(name)
	h := (max(d, 0) + 5*time.Microsecond) / (10 * time.Microsecond)
	e.buf = strconv.AppendInt(e.buf, int64(h/100), 10)
	e.buf = append(e.buf, '.', byte('0'+h/10%10), byte('0'+h%10))
}

// address appends an IP address, IPv4 in its own form, or null (nil in text).
func (e *encoder) address(name string, a netip.Addr) {
	e.key(name)
	switch {
	case e.format == Text && !a.IsValid():
		e.buf = append(e.buf, "nil"...)
	case e.format == Text:
		e.buf = a.Unmap().WithZone("").AppendTo(e.buf)
	case !a.IsValid():
		e.buf = append(e.buf, "null"...)
	default:
		e.buf = append(e.buf, '"')
		e.buf = a.Unmap().WithZone("").AppendTo(e.buf)
		e.buf = append(e.buf, '"')
	}
}

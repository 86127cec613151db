package static

import (
	"fmt"
	"net/http"

	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/pagecache"
)

// maxErrorPage is how many bytes an error page has at most: New refuses a
// larger one, and one that grows later is not used.
const maxErrorPage = 1 << 20

// fail answers with an error: with the page that the options name for the status,
// else with a few words in HTML or text. extra fields go with it.
func (s *Site) fail(c *direct.Ctx, status int, extra ...pagecache.Field) {
	p := s.errorPage(c, status)
	if len(extra) == 0 {
		c.SendPage(p)
		return
	}
	c.SetStatus(status)
	describePage(c, p)
	describe(c, extra)
	c.SendBytes(p.Body())
}

// refuseCodings answers 406: the client takes no coding of the file (RFC 9110 §12.5.3).
func (s *Site) refuseCodings(c *direct.Ctx) {
	s.fail(c, http.StatusNotAcceptable, pagecache.Field{Name: "Vary", Value: "Accept-Encoding"})
}

func (s *Site) errorPage(c *direct.Ctx, status int) *pagecache.Page {
	if name := s.options.ErrorPages[status]; name != "" {
		if p := s.customPage(c, status, name); p != nil {
			return p
		}
	}
	named, _ := takesHTML(c)
	return builtin[status][named]
}

// customPage returns the page of a file for a status, or nil when it has gone.
func (s *Site) customPage(c *direct.Ctx, status int, name string) *pagecache.Page {
	key := errorKey(status)
	now := s.now()
	e, state := s.cache.Get(key, now)
	if state != pagecache.Fresh {
		seen := s.watch.seen()
		t := s.open(name)
		t.seen = seen
		defer t.close()
		switch t.kind {
		case regular:
			s.stampSidecars(&t)
			e = s.entry(string(key), &t, e, status, now)
		case busy: // the page from before will do
		default:
			s.cache.Delete(key)
			e = nil
		}
		if e == nil {
			return nil
		}
	}
	var q asked
	q.gather(c.Fields())
	coding, _ := negotiate(q.acceptEncoding, func(coding pagecache.Coding) bool { return e.Representations[coding] != nil })
	return e.Representations[coding].Page
}

// errorKey returns where the page of a status is in the cache. It is no path, for
// those start with a slash.
func errorKey(status int) []byte { return []byte{byte(status >> 8), byte(status)} }

// errorFields takes from the fields of a file those that its content needs. An
// error has no validators, and is not kept.
func errorFields(fields []pagecache.Field) (kept []pagecache.Field) {
	for _, f := range fields {
		switch f.Name {
		case "Content-Type", "Content-Encoding", "Vary":
			kept = append(kept, f)
		}
	}
	return append(kept, noStore)
}

var noStore = pagecache.Field{Name: "Cache-Control", Value: "no-store"}

// errorStatuses are all that fail is called with.
var errorStatuses = []int{403, 404, 405, 406, 412, 416, 500, 503}

// builtin has the pages of errors, in text and, at true, in HTML.
var builtin = func() map[int]map[bool]*pagecache.Page {
	m := make(map[int]map[bool]*pagecache.Page)
	for _, status := range errorStatuses {
		text := fmt.Sprintf("%d %s", status, http.StatusText(status))
		m[status] = map[bool]*pagecache.Page{
			false: errorPage(status, "text/plain; charset=utf-8", text+"\n"),
			true:  errorPage(status, "text/html; charset=utf-8", fmt.Sprintf(errorHTML, text)),
		}
	}
	return m
}()

const errorHTML = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>%[1]s</title>
<style>:root{color-scheme:light dark}body{font:1.25rem system-ui,sans-serif;display:grid;place-content:center;min-height:90vh}</style>
<h1>%[1]s</h1>
</html>
`

func errorPage(status int, contentType, body string) *pagecache.Page {
	p, err := pagecache.Build(status, []pagecache.Field{{Name: "Content-Type", Value: contentType}, noStore}, []byte(body))
	if err != nil {
		panic(err)
	}
	return p
}

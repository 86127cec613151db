package static

import (
	"bytes"

	"github.com/hyperion-server/hyperion/goserver/internal/direct"
)

// takesHTML reads the request's Accept fields (RFC 9110 §12.5.1): whether they
// name HTML, and whether a wildcard takes it, as does a request without any.
func takesHTML(c *direct.Ctx) (named, wild bool) {
	wild, seen := true, false
	for _, f := range c.Fields() {
		if !equalFold(f.Name, "accept") {
			continue
		}
		if !seen {
			wild, seen = false, true
		}
		for list := f.Value; len(list) > 0; {
			var item []byte
			item, list = cutList(list)
			kind, params, _ := bytes.Cut(item, []byte{';'})
			kind = bytes.TrimSpace(kind)
			if weight(params) == 0 {
				continue
			}
			switch {
			case equalFold(kind, "text/html"), equalFold(kind, "application/xhtml+xml"):
				named = true
			case string(kind) == "*/*", equalFold(kind, "text/*"):
				wild = true
			}
		}
	}
	return named, wild
}

// wantsPage reports whether a request for a path without a file may be one for a
// page of a single-page application, rather than for one of its parts: it
// takes HTML and is not for a file of a known type. What scripts fetch, without
// naming HTML, is no page (Sec-Fetch-Mode tells).
func wantsPage(c *direct.Ctx, path string) bool {
	if mediaOf(path).kind != "" {
		return false
	}
	named, wild := takesHTML(c)
	mode := c.Header("Sec-Fetch-Mode")
	return named || wild && (mode == nil || string(mode) == "navigate")
}

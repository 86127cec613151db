package static

import (
	"cmp"
	"html"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/direct"
)

// maxListing is how many names of a directory are read for its listing, which
// says so when there are more. They take some 30 ms.
const maxListing = 10_000

// An item is a line of a listing.
type item struct {
	name     string // with a slash at the end for a directory
	size     int64
	modified time.Time
}

func (i *item) isDir() bool { return strings.HasSuffix(i.name, "/") }

// list answers with what is in the directory t. It takes t.f over.
func (s *Site) list(c *direct.Ctx, p string, t *target) {
	names, err := t.f.names(s.names + 1)
	t.close()
	if err != nil {
		s.fail(c, http.StatusInternalServerError)
		return
	}
	more := len(names) > s.names
	items := s.items(t.name, names[:min(len(names), s.names)])
	c.SetContentType("text/html", "utf-8")
	add(c, "Cache-Control", revalidate)
	add(c, "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	writeListing(c, p, p == s.prefix, items, more)
}

// items looks at the names in a directory and leaves out those that lead to nothing
// that is served. Directories come first, then all in the order of their names.
func (s *Site) items(dir string, names []string) []item {
	items := make([]item, 0, len(names))
	for _, name := range names {
		if !s.serves(name, dir == ".") {
			continue
		}
		info, err := s.tree.stat(path.Join(dir, name))
		switch {
		case err != nil:
		case info.IsDir():
			items = append(items, item{name: name + "/", modified: info.ModTime()})
		case info.Mode().IsRegular():
			items = append(items, item{name: name, size: info.Size(), modified: info.ModTime()})
		}
	}
	slices.SortFunc(items, func(a, b item) int {
		if a.isDir() != b.isDir() {
			if a.isDir() {
				return -1
			}
			return 1
		}
		return cmp.Or(strings.Compare(strings.ToLower(a.name), strings.ToLower(b.name)), strings.Compare(a.name, b.name))
	})
	return items
}

// writeListing writes the page for a decoded path. top says that the directory
// above it is not of the site.
func writeListing(c *direct.Ctx, p string, top bool, items []item, more bool) {
	title := "Index of " + text(p)
	c.WriteString(listingHead)
	c.WriteString("<title>" + title + "</title>\n<h1>" + title + "</h1>\n<table>\n" +
		"<tr><th>Name<th class=n>Size<th>Modified (UTC)\n")
	if !top {
		c.WriteString("<tr><td><a href=\"../\">../</a><td><td>\n")
	}
	for i := range items {
		writeItem(c, &items[i])
	}
	c.WriteString("</table>\n")
	if more {
		c.WriteString("<p>There are more names than were read.\n")
	}
	c.WriteString("</html>\n")
}

func writeItem(c *direct.Ctx, i *item) {
	c.WriteString("<tr><td><a href=\"")
	c.Write(appendEscaped(nil, i.name))
	c.WriteString("\">" + text(i.name) + "</a><td class=n>")
	if !i.isDir() {
		c.WriteString("<span title=\"" + strconv.FormatInt(i.size, 10) + " bytes\">" + size(i.size) + "</span>")
	}
	c.WriteString("<td>" + i.modified.UTC().Format("2006-01-02 15:04") + "\n")
}

// text returns a name as HTML text: names are bytes and need not be UTF-8.
func text(name string) string {
	return html.EscapeString(strings.ToValidUTF8(name, "\uFFFD"))
}

// size returns a number of bytes for people.
func size(n int64) string {
	if n < 1024 {
		return strconv.FormatInt(n, 10) + " B"
	}
	f, unit := float64(n)/1024, 0
	for ; f >= 1023.95 && unit < 4; unit++ {
		f /= 1024
	}
	return strconv.FormatFloat(f, 'f', 1, 64) + " " + "KMGTP"[unit:unit+1] + "iB"
}

const listingHead = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<style>
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.25rem; overflow-wrap: anywhere }
table { border-collapse: collapse; width: 100% }
th { text-align: left; font-weight: 600; opacity: .6 }
th, td { padding: .2rem .75rem .2rem 0; border-bottom: 1px solid color-mix(in srgb, currentColor 12%, transparent); white-space: nowrap }
td:first-child { width: 100%; white-space: normal; overflow-wrap: anywhere }
.n { text-align: right; font-variant-numeric: tabular-nums }
a { text-decoration: none }
a:hover { text-decoration: underline }
</style>
`

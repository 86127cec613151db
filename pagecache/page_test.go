package pagecache_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/hyperion-server/hyperion/pagecache"
)

func TestBuild(t *testing.T) {
	body := []byte("body { margin: 0 }")
	p, err := pagecache.Build(200, []pagecache.Field{{"Content-Type", "text/css; charset=utf-8"}, {"etag", `"a"`}}, body)
	if err != nil {
		t.Fatal(err)
	}
	body[0] = 'X' // the page has a copy
	want := "HTTP/1.1 200 OK\r\nContent-Type: text/css; charset=utf-8\r\netag: \"a\"\r\nContent-Length: 18\r\n" +
		"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\nbody { margin: 0 }"
	if got := string(p.Bytes()); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := string(p.Bytes()[p.DateOffset():][:pagecache.DateLen]); got != "Thu, 01 Jan 1970 00:00:00 GMT" {
		t.Errorf("the slot holds %q", got)
	}
	if got := string(p.Bytes()[p.TailOffset():]); got != "\r\nbody { margin: 0 }" {
		t.Errorf("behind the Date line is %q", got)
	}
	if got := string(p.Head()); got != want[:len(want)-18] {
		t.Errorf("Head is %q", got)
	}
	if got := p.Field("ETag"); got != `"a"` {
		t.Errorf("Field(ETag) = %q", got)
	}
	if cap(p.Bytes()) != len(p.Bytes()) || cap(p.Head()) != len(p.Head()) {
		t.Error("an append could write into the page")
	}
}

func TestBuild_refuses(t *testing.T) {
	for _, tc := range []struct {
		status      int
		name, value string
		want        error
	}{
		{199, "A", "b", pagecache.ErrStatus},
		{600, "A", "b", pagecache.ErrStatus},
		{200, "", "b", pagecache.ErrFieldName},
		{200, "A b", "b", pagecache.ErrFieldName},
		{200, "A:", "b", pagecache.ErrFieldName},
		{200, "A\r\nB", "b", pagecache.ErrFieldName},
		{200, "A", "b\r\nC: d", pagecache.ErrFieldValue},
		{200, "A", "b\x00", pagecache.ErrFieldValue},
		{200, "content-length", "3", pagecache.ErrFieldOwned},
		{200, "Date", "x", pagecache.ErrFieldOwned},
		{200, "Connection", "close", pagecache.ErrFieldOwned},
		{200, "transfer-encoding", "chunked", pagecache.ErrFieldOwned},
	} {
		_, err := pagecache.Build(tc.status, []pagecache.Field{{tc.name, tc.value}}, nil)
		if !errors.Is(err, tc.want) {
			t.Errorf("%d %q: %q: got %v, want %v", tc.status, tc.name, tc.value, err, tc.want)
		}
	}
}

func TestBuild_bodiless(t *testing.T) {
	for _, status := range []int{204, 304} {
		p, err := pagecache.Build(status, nil, []byte("no"))
		if err != nil {
			t.Fatal(err)
		}
		if s := string(p.Bytes()); strings.Contains(s, "Content-Length") || len(p.Body()) != 0 {
			t.Errorf("%d: %q", status, s)
		}
	}
}

func TestPage_NotModified(t *testing.T) {
	field := func(s string) pagecache.Field {
		name, value, _ := strings.Cut(s, ": ")
		return pagecache.Field{Name: name, Value: value}
	}
	build := func(lines ...string) *pagecache.Page {
		var fields []pagecache.Field
		for _, l := range lines {
			fields = append(fields, field(l))
		}
		p, err := pagecache.Build(200, fields, []byte("body"))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	const start, date = "HTTP/1.1 304 Not Modified\r\n", "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n"
	for _, tc := range []struct {
		page *pagecache.Page
		want string
	}{
		{build("Content-Type: a/b", "Content-Encoding: br", "Vary: Accept-Encoding", `etag: "x"`, "Last-Modified: then", "Cache-Control: no-cache", "Expires: soon", "Content-Location: /x", "X-A: b"),
			"Vary: Accept-Encoding\r\netag: \"x\"\r\nCache-Control: no-cache\r\nExpires: soon\r\nContent-Location: /x\r\n"},
		{build("Content-Type: a/b", "Last-Modified: then"), "Last-Modified: then\r\n"},
	} {
		p := tc.page.NotModified()
		if got := string(p.Bytes()); got != start+tc.want+date || p.Status() != 304 || p.BodyOffset() != len(got) {
			t.Errorf("got  %q\nwant %q", got, start+tc.want+date)
		}
	}
}

// What Build accepts, a client reads back: the fields given and no others, and the body.
func FuzzBuild(f *testing.F) {
	f.Add(200, "Content-Type", "text/html", []byte("<p>"))
	f.Add(404, "X-A", "a\r\nSet-Cookie: b", []byte{})
	f.Add(304, "etag", `"x"`, []byte("body"))
	f.Fuzz(func(t *testing.T, status int, name, value string, body []byte) {
		p, err := pagecache.Build(status, []pagecache.Field{{name, value}}, body)
		if err != nil {
			return
		}
		for _, page := range []*pagecache.Page{p, p.NotModified()} {
			r, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(page.Bytes())), nil)
			if err != nil {
				t.Fatalf("%q: %v", page.Bytes(), err)
			}
			got, err := io.ReadAll(r.Body)
			if err != nil || !bytes.Equal(got, page.Body()) {
				t.Errorf("body %q, %v; want %q", got, err, page.Body())
			}
			want := 1 + len(page.Fields()) // Date and those given
			if r.StatusCode != 204 && r.StatusCode != 304 {
				want++ // Content-Length
			}
			n := 0
			for _, v := range r.Header {
				n += len(v)
			}
			if n != want {
				t.Errorf("%d fields, want %d: %q", n, want, page.Head())
			}
			if s := string(page.Bytes()[page.DateOffset()-6 : page.TailOffset()]); s != "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n" {
				t.Errorf("Date line is %q", s)
			}
		}
	})
}

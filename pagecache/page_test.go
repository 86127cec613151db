package pagecache_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
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

func TestFill(t *testing.T) {
	fields := []pagecache.Field{{"Content-Type", "text/plain"}, {"X-Empty", ""}, {"ETag", `"a"`}, {"X-Space", " b: c "}}
	filled, err := pagecache.Fill(200, fields, 4, func(body []byte) error {
		if len(body) != 4 || cap(body) != 4 {
			t.Errorf("len %d, cap %d", len(body), cap(body))
		}
		copy(body, "body")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	built, err := pagecache.Build(200, fields, []byte("body"))
	if err != nil || !bytes.Equal(built.Bytes(), filled.Bytes()) {
		t.Errorf("%v: built  %q\nfilled %q", err, built.Bytes(), filled.Bytes())
	}
	if got := slices.Collect(filled.Fields()); !slices.Equal(got, fields) {
		t.Errorf("fields %q, want %q", got, fields)
	}
	for f := range filled.Fields() {
		if f.Name == "ETag" {
			break
		}
	}
	failed := errors.New("failed")
	if p, err := pagecache.Fill(200, nil, 1, func([]byte) error { return failed }); p != nil || err != failed {
		t.Errorf("%v, %v", p, err)
	}
	for _, size := range []int{-1, 1<<30 + 1} {
		if _, err := pagecache.Fill(200, nil, size, nil); !errors.Is(err, pagecache.ErrSize) {
			t.Errorf("size %d: %v", size, err)
		}
	}
	for _, status := range []int{200, 204} { // fill is nil: it is not called
		size := 0
		if status == 204 {
			size = 5
		}
		if p, err := pagecache.Fill(status, nil, size, nil); err != nil || len(p.Body()) != 0 {
			t.Errorf("%d: %v, %v", status, p, err)
		}
	}
}

func TestBuildHead(t *testing.T) {
	fields := []pagecache.Field{{"ETag", `"a"`}}
	p, err := pagecache.BuildHead(200, fields, 5<<30)
	if err != nil {
		t.Fatal(err)
	}
	want := "HTTP/1.1 200 OK\r\nETag: \"a\"\r\nContent-Length: 5368709120\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n"
	if got := string(p.Bytes()); got != want || len(p.Body()) != 0 {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if !slices.Equal(slices.Collect(p.Fields()), fields) || p.NotModified().Field("etag") != `"a"` {
		t.Errorf("fields of %q, %q", p.Bytes(), p.NotModified().Bytes())
	}
	if _, err := pagecache.BuildHead(200, nil, -1); !errors.Is(err, pagecache.ErrSize) {
		t.Errorf("negative length: %v", err)
	}
}

// No one who holds a part of a page can write into the rest by appending to it.
func TestPage_parts(t *testing.T) {
	p, err := pagecache.Build(200, []pagecache.Field{{"ETag", `"a"`}}, []byte("body"))
	if err != nil {
		t.Fatal(err)
	}
	page, second := string(p.Bytes()), string(p.NotModified().Bytes())
	for _, part := range [][]byte{p.Bytes(), p.Head(), p.Body(), p.NotModified().Bytes(), p.NotModified().Head(), p.NotModified().Body()} {
		_ = append(part, "overwritten"...)
	}
	if string(p.Bytes()) != page || string(p.NotModified().Bytes()) != second {
		t.Errorf("%q, %q", p.Bytes(), p.NotModified().Bytes())
	}
	if nm := p.NotModified(); nm.NotModified() != nm {
		t.Error("the 304 response has another")
	}
}

// What Build accepts, a client reads back: the fields given and no others, and the body.
func FuzzBuild(f *testing.F) {
	f.Add(200, "Content-Type", "text/html", "Vary", "*", []byte("<p>"))
	f.Add(404, "X-A", "a\r\nSet-Cookie: b", "X-B", "", []byte{})
	f.Add(304, "etag", `"x"`, "Last-Modified", " : ", []byte("body"))
	f.Add(204, "content-location", "/", "A", "\t", []byte("HTTP/1.1 200 OK\r\n\r\n"))
	f.Fuzz(func(t *testing.T, status int, name1, value1, name2, value2 string, body []byte) {
		fields := []pagecache.Field{{name1, value1}, {name2, value2}}
		p, err := pagecache.Fill(status, fields, len(body), func(dst []byte) error { copy(dst, body); return nil })
		if err != nil {
			return
		}
		if got := slices.Collect(p.Fields()); !slices.Equal(got, fields) {
			t.Errorf("fields %q, want %q", got, fields)
		}
		if got := p.Field(strings.ToUpper(name1)); got != value1 {
			t.Errorf("Field(%s) = %q, want %q", name1, got, value1)
		}
		if status != 204 && status != 304 && !bytes.Equal(p.Body(), body) {
			t.Errorf("body %q, want %q", p.Body(), body)
		}
		for _, page := range []*pagecache.Page{p, p.NotModified()} {
			checkPage(t, page)
		}
	})
}

// checkPage reads a page as a client does.
func checkPage(t *testing.T, page *pagecache.Page) {
	r, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(page.Bytes())), nil)
	if err != nil {
		t.Fatalf("%q: %v", page.Bytes(), err)
	}
	got, err := io.ReadAll(r.Body)
	if err != nil || !bytes.Equal(got, page.Body()) || r.StatusCode != page.Status() {
		t.Errorf("%d, body %q, %v; want %q", r.StatusCode, got, err, page.Body())
	}
	want := http.Header{"Date": {"Thu, 01 Jan 1970 00:00:00 GMT"}}
	if r.StatusCode != 204 && r.StatusCode != 304 {
		want.Set("Content-Length", strconv.Itoa(len(page.Body())))
	}
	for f := range page.Fields() {
		want.Add(f.Name, strings.Trim(f.Value, " \t"))
	}
	if !maps.EqualFunc(r.Header, want, slices.Equal) {
		t.Errorf("fields %q, want %q", r.Header, want)
	}
	if s := string(page.Bytes()[page.DateOffset()-6 : page.TailOffset()]); s != "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n" {
		t.Errorf("Date line is %q", s)
	}
}

package httpcache

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A flushed response reaches the client at once, and is not stored.
func TestWriter_stream(t *testing.T) {
	for name, fields := range map[string]string{"storable": fresh, "not storable": ""} {
		next := make(chan bool)
		o := origin{handle: func(w http.ResponseWriter, r *http.Request, call int) {
			setFields(w.Header(), fields)
			for i := range 3 {
				fmt.Fprintf(w, "part %d\n", i)
				if i == 1 {
					http.NewResponseController(w).Flush()
				} else {
					w.(http.Flusher).Flush()
				}
				<-next
			}
		}}
		srv := httptest.NewServer(New(Options{}).Handler(&o))
		for range 2 {
			res, err := srv.Client().Get(srv.URL)
			if err != nil {
				t.Fatal(err)
			}
			r := bufio.NewReader(res.Body)
			for i := range 3 {
				if line, err := r.ReadString('\n'); err != nil || line != fmt.Sprintf("part %d\n", i) {
					t.Errorf("%s: got %q, %v", name, line, err)
				}
				next <- true
			}
			res.Body.Close()
		}
		if o.calls.Load() != 2 {
			t.Errorf("%s: %d calls", name, o.calls.Load())
		}
		srv.Close()
	}
}

// readerFrom counts what reaches it by ReadFrom.
type readerFrom struct {
	*httptest.ResponseRecorder
	read int64
}

func (w *readerFrom) ReadFrom(src io.Reader) (int64, error) {
	n, err := io.Copy(w.ResponseRecorder.Body, src)
	w.read += n
	return n, err
}

func TestWriter_readFrom(t *testing.T) {
	for _, c := range []struct {
		name, fields string
		size         int
		direct       bool
		stored       bool
	}{
		{"not storable", "", 1000, true, false},
		{"storable", fresh, 1000, false, true},
		{"storable, declared too long", fresh + "Content-Length: 1001", 1001, true, false},
		{"storable, too long", fresh, 1001, false, false},
	} {
		o := origin{fields: c.fields, handle: func(w http.ResponseWriter, r *http.Request, call int) {
			n, err := io.Copy(w, onlyReader{strings.NewReader(strings.Repeat("x", c.size))})
			if n != int64(c.size) || err != nil {
				t.Errorf("%s: %d, %v", c.name, n, err)
			}
		}}
		h := New(Options{MaxBody: 1000}).Handler(&o)
		for range 2 {
			w := &readerFrom{ResponseRecorder: httptest.NewRecorder()}
			h.ServeHTTP(w, httptest.NewRequest("GET", "/a", nil))
			if (w.read == int64(c.size)) != c.direct || w.Body.Len() != c.size {
				t.Errorf("%s: %d of %d bytes by ReadFrom", c.name, w.read, w.Body.Len())
			}
		}
		if got := o.calls.Load() == 1; got != c.stored {
			t.Errorf("%s: stored %v", c.name, got)
		}
	}
}

type onlyReader struct{ io.Reader }

func TestWriter_hijack(t *testing.T) {
	for _, request := range []string{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"} {
		srv := httptest.NewServer(New(Options{}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			io.WriteString(c, "hijacked")
			c.Close()
		})))
		conn, err := net.Dial("tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, request)
		if got, err := io.ReadAll(conn); string(got) != "hijacked" || err != nil {
			t.Errorf("%q: got %q, %v", request, got, err)
		}
		conn.Close()
		srv.Close()
	}
}

func TestWriter_informational(t *testing.T) {
	o := origin{handle: func(w http.ResponseWriter, r *http.Request, call int) {
		setFields(w.Header(), "Link: </x>")
		w.WriteHeader(http.StatusEarlyHints)
		setFields(w.Header(), fresh)
		w.WriteHeader(200)
		w.WriteHeader(500) // superfluous
		w.Header().Set("X-Late", "1")
		fmt.Fprintf(w, "body %d", call)
	}}
	h := New(Options{}).Handler(&o)
	for i, want := range []string{"fwd=uri-miss; stored", "hit"} {
		res := get(h, "GET /a")
		if !strings.Contains(res.Header().Get("Cache-Status"), want) || res.Code == 500 || res.Header().Get("X-Late") != "" || res.Body.String() != "body 1" {
			t.Errorf("%d: %d %v %q", i, res.Code, res.Header(), res.Body)
		}
	}
}

// Trailers of http.TrailerPrefix are known when the response is complete only.
func TestWriter_trailers(t *testing.T) {
	o := origin{handle: func(w http.ResponseWriter, r *http.Request, call int) {
		setFields(w.Header(), fresh)
		fmt.Fprintf(w, "body %d", call)
		w.Header().Set(http.TrailerPrefix+"X", fmt.Sprint(call))
	}}
	srv := httptest.NewServer(New(Options{}).Handler(&o))
	defer srv.Close()
	for i := 1; i <= 2; i++ {
		res, err := srv.Client().Get(srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if string(body) != fmt.Sprint("body ", i) || res.Trailer.Get("X") != fmt.Sprint(i) {
			t.Errorf("%q, trailers %v", body, res.Trailer)
		}
	}
}

// What a handler of a status that is not stored writes is not touched, whatever
// the order.
func TestWriter_equalToBare(t *testing.T) {
	for name, handle := range map[string]func(w http.ResponseWriter, r *http.Request){
		"nothing":          func(w http.ResponseWriter, r *http.Request) {},
		"nothing storable": func(w http.ResponseWriter, r *http.Request) { setFields(w.Header(), fresh) },
		"sniffed": func(w http.ResponseWriter, r *http.Request) {
			setFields(w.Header(), fresh)
			io.WriteString(w, "<html>")
		},
		"no type": func(w http.ResponseWriter, r *http.Request) {
			setFields(w.Header(), fresh)
			w.Header()["Content-Type"] = nil
			io.WriteString(w, "<html>")
		},
		"coded": func(w http.ResponseWriter, r *http.Request) {
			setFields(w.Header(), fresh+"Content-Encoding: gzip")
			io.WriteString(w, "<html>")
		},
		"error":    func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusTeapot) },
		"redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/b", http.StatusSeeOther) },
		"large": func(w http.ResponseWriter, r *http.Request) {
			setFields(w.Header(), fresh)
			w.Write(bytes.Repeat([]byte("x"), 300<<10))
		},
		"content": func(w http.ResponseWriter, r *http.Request) {
			setFields(w.Header(), fresh)
			http.ServeContent(w, r, "a.txt", time.Unix(1e9, 0), strings.NewReader("content"))
		},
	} {
		bare := httptest.NewServer(http.HandlerFunc(handle))
		cached := httptest.NewServer(New(Options{}).Handler(http.HandlerFunc(handle)))
		for _, method := range []string{"GET", "GET", "HEAD", "POST"} {
			a, b := fetch(t, bare, method), fetch(t, cached, method)
			if a != b {
				t.Errorf("%s %s: bare\n%s\ncached\n%s", method, name, a, b)
			}
		}
		bare.Close()
		cached.Close()
	}
}

// A panic reaches the server, and those who wait go on.
func TestFlight_panic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := origin{handle: func(w http.ResponseWriter, r *http.Request, call int) {
			setFields(w.Header(), fresh)
			fmt.Fprintf(w, "body %d", call)
			time.Sleep(time.Second)
			if call == 1 {
				panic("first")
			}
		}}
		h := New(Options{}).Handler(&o)
		panicked := make(chan any)
		go func() {
			defer func() { panicked <- recover() }()
			get(h, "GET /a")
		}()
		synctest.Wait()
		second := make(chan string)
		go func() { second <- get(h, "GET /a").Body.String() }()
		if v := <-panicked; v != "first" {
			t.Errorf("panic %v", v)
		}
		if got := <-second; got != "body 2" {
			t.Errorf("got %q", got)
		}
	})
}

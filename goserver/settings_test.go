package goserver_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"log"
	"log/slog"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
)

// numbers returns the names of the fields of a struct, given by a pointer, that hold a number.
func numbers(v any) (names []string) {
	for t, i := reflect.TypeOf(v).Elem(), 0; i < t.NumField(); i++ {
		if f := t.Field(i); f.IsExported() && (f.Type.Kind() == reflect.Int || f.Type.Kind() == reflect.Int64 || f.Type.Kind() == reflect.Uint16) {
			names = append(names, f.Name)
		}
	}
	return names
}

// set sets a field to the number; the most that it can hold if that is less.
func set(v any, field string, n int64) {
	f := reflect.ValueOf(v).Elem().FieldByName(field)
	switch {
	case f.Kind() == reflect.Uint16:
		f.SetUint(uint64(min(max(n, 0), math.MaxUint16)))
	case f.OverflowInt(n):
		f.SetInt(math.MaxInt)
	default:
		f.SetInt(n)
	}
}

// comments returns the comments of the fields of a struct in a file.
func comments(t *testing.T, file, name string) map[string]string {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	must(t, err)
	texts := map[string]string{}
	ast.Inspect(tree, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != name {
			return true
		}
		for _, f := range spec.Type.(*ast.StructType).Fields.List {
			for _, id := range f.Names {
				texts[id.Name] = f.Doc.Text() + f.Comment.Text()
			}
		}
		return false
	})
	return texts
}

// saysNumbers fails for a field whose comment does not say what 0 and less mean.
func saysNumbers(t *testing.T, field, comment string) {
	t.Helper()
	for _, what := range []string{`\b0 or less:|\b0:|\b0 tells`, `\b0 or less:|\bnegative:|less than a second:`} {
		if !regexp.MustCompile(what).MatchString(comment) {
			t.Errorf("the comment of %s says nothing like %q: %q", field, what, comment)
		}
	}
}

// refusedBelow are the fields of which a negative number means nothing.
var refusedBelow = map[string]bool{"MaxHeaderCount": true, "MaxTargetBytes": true}

// Each number of a Server either means something, as its comment says, or Serve
// names it.
func TestServer_numbers(t *testing.T) {
	text := comments(t, "server.go", "Server")
	for _, name := range numbers(&goserver.Server{}) {
		saysNumbers(t, name, text[name])
		for _, n := range []int64{-1, -math.MaxInt64, 0, math.MaxInt64} {
			t.Run(fmt.Sprint(name, " ", n), func(t *testing.T) {
				t.Parallel()
				srv := &goserver.Server{}
				set(srv, name, n)
				if n < 0 && refusedBelow[name] {
					refuses(t, srv, goserver.ErrSetting, "Server."+name, fmt.Sprint(n), "expected")
					return
				}
				answers(t, srv, "1", false)
				answers(t, srv, "c", false)
				answers(t, srv, "1", true)
			})
		}
	}
}

// answers fails unless a copy of the settings of srv answers a request with a body.
func answers(t *testing.T, like *goserver.Server, speaks string, overTLS bool) {
	t.Helper()
	srv, v := &goserver.Server{}, reflect.ValueOf(like).Elem()
	for _, name := range numbers(like) {
		reflect.ValueOf(srv).Elem().FieldByName(name).Set(v.FieldByName(name))
	}
	srv.Protocols = protocols(speaks)
	srv.ErrorLog = log.New(new(syncBuffer), "", 0)
	srv.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write(must1(io.ReadAll(r.Body)))
	})
	tr := &http.Transport{Protocols: srv.Protocols}
	defer tr.CloseIdleConnections()
	url := "http://"
	if overTLS {
		cert, pool := certificate(t)
		srv.TLSConfig, tr.TLSClientConfig = &tls.Config{Certificates: []tls.Certificate{cert}}, &tls.Config{RootCAs: pool}
		addr, done := listenTLS(t, srv)
		defer func() { srv.Close(); <-done }()
		url = "https://" + addr
	} else {
		url += serve(t, srv)
	}
	resp, err := (&http.Client{Transport: tr, Timeout: time.Minute}).Post(url+"/path?query", "text/plain", bytes.NewReader(make([]byte, 100_000)))
	must(t, err)
	defer resp.Body.Close()
	if body := must1(io.ReadAll(resp.Body)); resp.StatusCode != 200 || len(body) != 100_000 {
		t.Errorf("%q, TLS %v: %s, %d bytes", speaks, overTLS, resp.Status, len(body))
	}
}

// refuses fails unless all Serve methods refuse srv with that error and these words.
func refuses(t *testing.T, srv *goserver.Server, want error, words ...string) {
	t.Helper()
	cert, _ := certificate(t)
	srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}}
	for method, serve := range map[string]func(net.Listener) error{
		"Serve": srv.Serve, "ServeTLS": func(l net.Listener) error { return srv.ServeTLS(l, "", "") },
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		done := make(chan error, 1)
		go func() { done <- serve(l) }()
		select {
		case err = <-done:
		case <-time.After(time.Minute):
			t.Fatalf("%s goes on", method)
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", method, err, want)
			continue
		}
		for _, word := range words {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %v: does not say %q", method, err, word)
			}
		}
		if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
			t.Errorf("%s has failed and listens", method)
		}
	}
}

// What is no number and has a few values only.
func TestServer_wrongSettings(t *testing.T) {
	for _, tc := range []struct {
		srv   *goserver.Server
		want  error
		words []string
	}{
		{&goserver.Server{KTLS: "maybe"}, goserver.ErrKTLSName, []string{"Server.KTLS", `"auto", "on" or "off"`, `"maybe"`}},
		{&goserver.Server{KTLS: "AUTO"}, goserver.ErrKTLSName, []string{`"AUTO"`}},
		{&goserver.Server{FileRung: "fast"}, goserver.ErrFileRung, []string{"Server.FileRung", `"fast"`, "auto", "sendfile"}},
		{&goserver.Server{FileRung: "page"}, goserver.ErrFileRung, []string{"Server.FileRung"}},
		{&goserver.Server{HSTS: &goserver.HSTS{MaxAge: -1}}, goserver.ErrSetting, []string{"Server.HSTS.MaxAge", "-1ns", "expected"}},
		{&goserver.Server{HSTS: &goserver.HSTS{MaxAge: time.Second - 1}}, goserver.ErrSetting, []string{"999.999999ms"}}, // would say: forget it
	} {
		refuses(t, tc.srv, tc.want, tc.words...)
	}
	saysNumbers(t, "HSTS.MaxAge", comments(t, "hsts.go", "HSTS")["MaxAge"])
}

// The same for the options of a static site.
func TestStaticOptions_numbers(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "a.txt"), []byte("a"), 0o600))
	refused := map[string][]int64{
		"CacheBytes": {-1, -math.MaxInt64}, "CacheEntries": {-1, -math.MaxInt64},
		"AdmitAfter": {-1, -math.MaxInt64, math.MaxInt64}, "OpenFiles": {math.MaxInt64},
	}
	text := comments(t, "static.go", "StaticOptions")
	for _, name := range numbers(&goserver.StaticOptions{}) {
		saysNumbers(t, name, text[name])
		for _, n := range []int64{-1, -math.MaxInt64, 0, math.MaxInt64} {
			var o goserver.StaticOptions
			set(&o, name, n)
			if slices.Contains(refused[name], n) {
				err, wrong := new(goserver.Server).Static("/", dir, &o), (*goserver.StaticOptionError)(nil)
				if !errors.As(err, &wrong) || wrong.Option != name || wrong.Value != fmt.Sprint(n) || !strings.Contains(wrong.Reason, "expected") {
					t.Errorf("%s %d: %v", name, n, err)
				}
				continue
			}
			url := serveSite(t, dir, &o)
			for range 3 {
				resp, err := http.Get(url + "/a.txt")
				must(t, err)
				body := must1(io.ReadAll(resp.Body))
				resp.Body.Close()
				if resp.StatusCode != 200 || string(body) != "a" {
					t.Errorf("%s %d: %s %q", name, n, resp.Status, body)
				}
			}
		}
	}
}

// And for TLS.
func TestTLSOptions_numbers(t *testing.T) {
	refused := map[string]map[int64]error{
		"MinVersion": {math.MaxInt64: goserver.ErrTLSVersion},
		"ClientAuth": {-1: goserver.ErrTLSClientAuth, -math.MaxInt64: goserver.ErrTLSClientAuth, math.MaxInt64: goserver.ErrTLSClientAuth},
	}
	text := comments(t, "tls_options.go", "TLSOptions")
	saysNumbers(t, "TicketRotation", text["TicketRotation"])
	for _, name := range numbers(&goserver.TLSOptions{}) {
		for _, n := range []int64{-1, -math.MaxInt64, 0, math.MaxInt64} {
			o := goserver.TLSOptions{SelfSigned: true, Logger: slog.New(slog.DiscardHandler)}
			set(&o, name, n)
			x, err := goserver.OpenTLS(o)
			if want := refused[name][n]; want != nil {
				if !errors.Is(err, want) {
					t.Errorf("%s %d: %v, want %v", name, n, err, want)
				}
				continue
			}
			must(t, err)
			addr := serveTLS(t, x, &goserver.Server{Handler: http.NotFoundHandler()})
			resp, _, err := askTLS(addr, &tls.Config{InsecureSkipVerify: true}, "/")
			if err != nil || resp.StatusCode != 404 {
				t.Errorf("%s %d: %v, %v", name, n, resp, err)
			}
			must(t, x.Close())
		}
	}
}

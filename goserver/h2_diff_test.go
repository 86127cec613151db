package goserver_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The scenes of the differential suite are held over HTTP/2 as well, as far as one
// request that a client of net/http can send makes them up. The transcript of this
// server is compared with that of net/http's.

// Why the two mean to differ on HTTP/2: what this server does is what it does on HTTP/1.1.
const (
	logsMisuse   = "net/http says nothing of what it logs on HTTP/1.1"
	noLength     = "no length is told when trailers or a Transfer-Encoding of the handler's are announced, as on HTTP/1.1"
	breaksStream = "content that is not as long as declared breaks the stream; net/http leaves it to the client to find out"
	noContent    = "a status without content has none, nor trailers; net/http's response contradicts itself"
	cleansValues = "values are cleaned as on HTTP/1.1; net/http leaves the field out, or the blanks in"
	dropsFields  = "fields of the connection are left out (RFC 9113 §8.2.2)"
	sameErrors   = "the errors of a body are those of HTTP/1.1"
)

// h2Differs are the scenes in which the two mean to differ on HTTP/2, and why.
var h2Differs = map[string]string{
	"answer/204 with fields of a body":              noContent,
	"answer/304 with fields of a body":              noContent,
	"answer/copy to head":                           "the handler may write on; net/http ends its writes with an error",
	"answer/head, long":                             "the handler may write on; net/http ends its writes with an error",
	"answer/interim status after a write":           logsMisuse,
	"answer/length and transfer-encoding":           noLength,
	"answer/length given, nothing written":          breaksStream,
	"answer/length given, rest refused":             breaksStream,
	"answer/length given, too little":               breaksStream,
	"answer/length given, too much in one write":    breaksStream,
	"answer/length given, too much in two writes":   breaksStream,
	"answer/length negative":                        logsMisuse,
	"answer/length of letters":                      logsMisuse,
	"answer/status after a write":                   logsMisuse,
	"answer/status twice":                           logsMisuse,
	"answer/transfer-encoding chunked given":        noLength,
	"answer/transfer-encoding identity given":       noLength,
	"answer/write of nothing sends the status":      logsMisuse,
	"body/byte by byte":                             "the last bytes come with io.EOF, as on HTTP/1.1",
	"body/read after close":                         sameErrors,
	"flush/on 204":                                  noContent,
	"header/keep-alive field of the handler":        dropsFields,
	"header/line breaks in a value":                 cleansValues,
	"header/upgrade field without 101":              dropsFields,
	"header/white space around a value":             cleansValues,
	"interim/bad values in hints":                   cleansValues,
	"keepalive/too little written":                  breaksStream,
	"panic/a bad second status is only superfluous": logsMisuse,
	"refused/own limit of the head":                 "a list that is too long is answered with 431; net/http ends the connection",
	"request/what the writer can do":                "io.ReaderFrom sends files without a copy; the deprecated http.CloseNotifier is not there",
	"sniff/with transfer-encoding set":              noLength,
	"trailer/announced":                             noLength,
	"trailer/announced and not set":                 noLength,
	"trailer/announced and set before the status":   noLength,
	"trailer/announced in two fields":               noLength,
	"trailer/forbidden names":                       noLength,
	"trailer/on 204":                                noContent,
	"trailer/on head":                               noLength,
	"trailer/prefix and announced":                  noLength,
	"trailer/prefix before the body":                noLength,
	"trailer/without a body":                        noLength,
}

// h2Varies are the starts of lines that net/http says one way or the other, by the
// turns of its goroutines, in a scene or in all of a topic.
var h2Varies = map[string]string{
	"panic":                            "log: panic serving ", // behind RST_STREAM, which ends the scene
	"body/trailers of a body not read": "log: server connection error ",
	"deadline/read deadline set and taken back": "read ",
	"deadline/server's write timeout":           "timed out ",
}

// h2Left are scenes that net/http's server does not survive on HTTP/2.
var h2Left = map[string]string{
	"trailer/line breaks in a trailer": "its stream never ends",
}

func TestDiff_http2(t *testing.T) {
	cert, pool := certificate(t)
	transports := map[string]func() *h2Wire{
		"h2c": func() *h2Wire { return &h2Wire{} },
		"h2":  func() *h2Wire { return &h2Wire{cert: &cert, pool: pool} },
	}
	held := 0
	for _, topic := range sortedKeys(diffTopics) {
		for _, c := range diffTopics[topic] {
			req := c.http2Request()
			if _, left := h2Left[topic+"/"+c.name]; left || req == nil {
				continue
			}
			held++
			for _, transport := range sortedKeys(transports) {
				t.Run(topic+"/"+c.name+"/"+transport, func(t *testing.T) {
					t.Parallel()
					wire := transports[transport]()
					hold := func(newServer func(fields) subject) string { return wire.hold(t, &c, newServer) }
					for _, complaint := range untilAlike(&c, hold, func(theirs, ours string) []string { return judge2(topic, c.name, theirs, ours) }) {
						t.Error(complaint)
					}
				})
			}
		}
	}
	if held < 60 {
		t.Errorf("only %d scenes are held over HTTP/2", held)
	}
}

// judge2 returns what is wrong with the two transcripts of a scene over HTTP/2.
func judge2(topic, name, theirs, ours string) (complaints []string) {
	for _, of := range []string{topic, topic + "/" + name} {
		if start, varies := h2Varies[of]; varies {
			theirs, ours = without(start, theirs), without(start, ours)
		}
	}
	d := cmp.Diff(lines(theirs), lines(ours))
	why, differs := h2Differs[topic+"/"+name]
	switch {
	case d != "" && !differs:
		return []string{"-net/http +hyperion\n" + d}
	case d == "" && differs:
		return []string{"there is no difference any more (" + why + ")"}
	}
	return nil
}

// without returns said without the lines that begin with start.
func without(start, said string) string {
	kept := slices.DeleteFunc(strings.Split(said, "\n"), func(line string) bool { return strings.HasPrefix(line, start) })
	return strings.Join(kept, "\n")
}

// http2Request returns the request of a scene that consists of one, or nil.
func (c *diffCase) http2Request() *http.Request {
	if c.script != nil || c.reads != "" {
		return nil
	}
	br := bufio.NewReader(strings.NewReader(c.raw))
	req, err := http.ReadRequest(br)
	if err != nil || req.ProtoMinor != 1 || req.Header.Get("Connection") != "" || req.Header.Get("Upgrade") != "" || req.Method == "CONNECT" || req.RequestURI == "*" {
		return nil
	}
	body, err := io.ReadAll(req.Body)
	if rest, _ := io.ReadAll(br); err != nil || len(rest) > 0 || req.Header.Get("Expect") != "" {
		return nil
	}
	if len(body) > 0 || req.ContentLength != 0 {
		req.Body = io.NopCloser(bytes.NewReader(body))
	} else {
		req.Body = nil
	}
	req.RequestURI = ""
	return req
}

// An h2Wire says how HTTP/2 is spoken: over TLS when there is a certificate.
type h2Wire struct {
	cert *tls.Certificate
	pool *x509.CertPool
}

func (wire *h2Wire) hold(t *testing.T, c *diffCase, newServer func(fields) subject) string {
	s := &scene{t: t, gates: map[string]chan struct{}{}, tls: wire.cert != nil}
	set := c.set
	set.Handler, set.ErrorLog, set.ConnState = s.handler(c), s.logger(), s.connState
	set.Protocols = protocols("12c")
	if wire.cert != nil {
		set.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*wire.cert}}
	}
	s.server = newServer(set)
	if c.noKeep {
		s.server.SetKeepAlivesEnabled(false)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s.addr = ln.Addr()
	served := make(chan error, 1)
	go func() {
		if wire.cert != nil {
			served <- s.server.ServeTLS(ln, "", "")
		} else {
			served <- s.server.Serve(ln)
		}
	}()
	tr := wire.transport()
	seen := converse2(tr, s.addr.String(), c.http2Request(), wire.cert != nil)
	s.until("ended", func() bool {
		tr.CloseIdleConnections() // a stream may not be off the client's books at once
		return s.conns.Load() == 0 && s.handlers.Load() == 0
	})
	s.server.Close()
	<-served
	s.mu.Lock()
	defer s.mu.Unlock()
	all := append(s.notes, seen...)
	all = append(all, loggedLines(s.logged.String())...)
	// net/http has a body that reads as empty where it has none on HTTP/1.1.
	return strings.ReplaceAll(strings.Join(all, "\n"), " nobody", "")
}

func (wire *h2Wire) transport() *http.Transport {
	tr := &http.Transport{DisableCompression: true, Protocols: protocols("c")}
	if wire.cert != nil {
		tr.Protocols = protocols("2")
		tr.TLSClientConfig = &tls.Config{RootCAs: wire.pool}
	}
	return tr
}

// converse2 sends req to addr, and returns what comes back.
func converse2(tr *http.Transport, addr string, req *http.Request, secure bool) (seen []string) {
	log := func(format string, args ...any) { seen = append(seen, fmt.Sprintf(format, args...)) }
	req.URL = &url.URL{Scheme: "http", Host: addr, Path: req.URL.Path, RawPath: req.URL.RawPath, RawQuery: req.URL.RawQuery, ForceQuery: req.URL.ForceQuery}
	if secure {
		req.URL.Scheme = "https"
	}
	ctx, cancel := context.WithTimeout(req.Context(), patience)
	defer cancel()
	req = req.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error { log("< %d %v", code, h); return nil },
	}))
	res, err := tr.RoundTrip(req)
	if err != nil {
		log("error: %v", err)
		return seen
	}
	defer res.Body.Close()
	log("< %s %s length=%d", res.Proto, res.Status, res.ContentLength)
	for _, name := range sortedKeys(res.Header) {
		for _, v := range res.Header[name] {
			log("< %s: %s", name, masked(name, v))
		}
	}
	body, err := io.ReadAll(res.Body)
	log("body %s %v", show(body), err)
	for _, name := range sortedKeys(res.Trailer) {
		log("trailer %s: %q", name, res.Trailer[name])
	}
	return seen
}

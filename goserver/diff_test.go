package goserver_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The differential suite holds one conversation twice, with net/http's server
// and with this package's, and compares the two transcripts: what the handler
// saw, every byte that came back in a readable form, how the connection ended,
// its states, and what was logged.

// A diffCase is one conversation. A request of raw is answered by do, unless
// handler makes another one; the client sends raw at once, reads the responses
// and asks whether the connection is reusable, unless script does otherwise.
type diffCase struct {
	name    string
	raw     string
	reads   string // methods whose responses are read, separated by spaces; "" means raw's first word
	do      func(x *turn)
	handler func(s *scene) http.Handler
	script  func(c *client)
	set     fields
	noKeep  bool     // SetKeepAlivesEnabled(false) before the conversation
	want    []string // each is a part of both transcripts; keeps a case from proving nothing

	// Where the two mean to differ: why, and each transcript exactly.
	differs  string
	nethttp  string
	hyperion string
}

// A turn is one call of a case's handler.
type turn struct {
	w http.ResponseWriter
	r *http.Request
	*scene
}

var diffTopics = map[string][]diffCase{
	"answer":    answerCases,
	"body":      bodyCases,
	"context":   contextCases,
	"deadline":  deadlineCases,
	"flush":     flushCases,
	"header":    headerCases,
	"hijack":    hijackCases,
	"interim":   interimCases,
	"keepalive": keepaliveCases,
	"mux":       muxCases,
	"panic":     panicCases,
	"pipeline":  pipelineCases,
	"refused":   refusedCases,
	"request":   requestCases,
	"shutdown":  shutdownCases,
	"sniff":     sniffCases,
	"trailer":   trailerCases,
}

func TestDiff(t *testing.T) {
	for _, topic := range sortedKeys(diffTopics) {
		t.Run(topic, func(t *testing.T) {
			for _, c := range diffTopics[topic] {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					c.run(t)
				})
			}
		})
	}
}

// TestDiff_size holds the suite to the number of cases that was promised and
// every case to a claim of its own.
func TestDiff_size(t *testing.T) {
	var n, differ int
	for topic, cases := range diffTopics {
		seen := map[string]bool{}
		for _, c := range cases {
			if seen[c.name] {
				t.Errorf("%s/%s: twice", topic, c.name)
			}
			seen[c.name] = true
			if len(c.want) == 0 && c.differs == "" {
				t.Errorf("%s/%s: claims nothing", topic, c.name)
			}
			n++
			if c.differs != "" {
				differ++
			}
		}
	}
	if n < 150 {
		t.Errorf("%d cases, want at least 150", n)
	}
	t.Logf("%d cases in %d topics; %d mean to differ", n, len(diffTopics), differ)
}

// diffTries is how often a conversation is held until its transcripts are as they should be. What net/http
// says may depend on the turns of its goroutines: this server is to do one of the things that net/http does.
const diffTries = 10

func (c *diffCase) run(t *testing.T) {
	complaints := untilAlike(c, func(newServer func(fields) subject) string { return hold(t, c, newServer) }, c.judge)
	for _, complaint := range complaints {
		t.Error(complaint)
	}
}

// untilAlike holds a conversation with net/http until judge does not complain of the two transcripts, and
// returns the last complaints. With this server it is held once, unless it has timeouts,
// which a busy machine may let pass.
func untilAlike(c *diffCase, hold func(newServer func(fields) subject) string, judge func(net, ours string) []string) (complaints []string) {
	timed := c.set.ReadTimeout > 0 || c.set.WriteTimeout > 0 || c.set.IdleTimeout > 0 || c.set.ReadHeaderTimeout > 0
	var ours string
	for try := range diffTries {
		if try == 0 || timed {
			ours = hold(newOurs)
		}
		if complaints = judge(hold(newNetHTTP), ours); complaints == nil {
			return nil
		}
	}
	return complaints
}

// judge returns what is wrong with the two transcripts of a conversation.
func (c *diffCase) judge(net, ours string) (complaints []string) {
	complain := func(format string, args ...any) { complaints = append(complaints, fmt.Sprintf(format, args...)) }
	for _, want := range c.want {
		if !strings.Contains(net, want) {
			complain("net/http: %q is not in\n%s", want, net)
		}
		if !strings.Contains(ours, want) {
			complain("hyperion: %q is not in\n%s", want, ours)
		}
	}
	if c.differs == "" {
		if d := cmp.Diff(lines(net), lines(ours)); d != "" {
			complain("-net/http +hyperion\n%s", d)
		}
		return complaints
	}
	if d := cmp.Diff(lines(c.nethttp), lines(net)); d != "" {
		complain("net/http, -want +got\n%s\n%s", d, net)
	}
	if d := cmp.Diff(lines(c.hyperion), lines(ours)); d != "" {
		complain("hyperion differs (%s), -want +got\n%s\n%s", c.differs, d, ours)
	}
	return complaints
}

// lines splits a transcript; white space around it and its lines is not part of it.
func lines(transcript string) []string {
	var l []string
	for line := range strings.Lines(transcript) {
		if line = strings.TrimSpace(line); line != "" {
			l = append(l, line)
		}
	}
	return l
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// ask is a request head: its line, Host, and the fields given.
func ask(line string, fields ...string) string {
	return line + "\r\nHost: a.test\r\n" + crlf(fields) + "\r\n"
}

// get is a request for "/".
func get(fields ...string) string { return ask("GET / HTTP/1.1", fields...) }

// post is a request with a body of a declared length.
func post(body string, fields ...string) string {
	return ask("POST / HTTP/1.1", append(fields, "Content-Length: "+itoa(len(body)))...) + body
}

// postChunked is a request whose body is sent as it stands.
func postChunked(body string, fields ...string) string {
	return ask("POST / HTTP/1.1", append(fields, "Transfer-Encoding: chunked")...) + body
}

func crlf(fields []string) string {
	var b strings.Builder
	for _, f := range fields {
		b.WriteString(f + "\r\n")
	}
	return b.String()
}

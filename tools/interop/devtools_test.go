package interop

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A browser is a headless Chromium that is driven by the DevTools protocol, over two pipes
// (--remote-debugging-pipe): JSON messages, each ended by a zero byte.
type browser struct {
	in      io.Writer
	mu      sync.Mutex
	last    int
	answers map[int]chan answer
	over    chan struct{} // closed when the browser has gone
}

type answer struct {
	ID     int
	Result json.RawMessage
	Error  *struct{ Message string }
}

// A tab is a page of a browser.
type tab struct {
	*browser
	t       *testing.T
	session string
}

// openBrowser starts Chromium, which trusts every server, until the test ends.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	toRead, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, toWrite, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{in: in, answers: make(map[int]chan answer), over: make(chan struct{})}
	end := startChromium(t, []*os.File{toRead, toWrite}, "--remote-debugging-pipe", "--ignore-certificate-errors")
	toRead.Close()
	toWrite.Close()
	go b.read(out)
	t.Cleanup(func() {
		end()
		in.Close()
		<-b.over
		out.Close()
	})
	return b
}

// startChromium runs Chromium with a profile of its own until the test ends; files are its
// descriptors from 3 on. The function returns what the browser printed, and ends it.
func startChromium(t *testing.T, files []*os.File, args ...string) func() string {
	t.Helper()
	profile, err := os.MkdirTemp("", "hyperion-chromium-")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "chromium", append([]string{"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--user-data-dir=" + profile}, args...)...)
	cmd.ExtraFiles = files
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // it has many processes
	cmd.WaitDelay = 5 * time.Second
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	end := sync.OnceValue(func() string {
		cancel()
		cmd.Wait()
		return out.String()
	})
	t.Cleanup(func() {
		end()
		os.RemoveAll(profile)
	})
	return end
}

// read hands out the answers until the browser has gone.
func (b *browser) read(out io.Reader) {
	defer close(b.over)
	in := bufio.NewReader(out)
	for {
		message, err := in.ReadBytes(0)
		if err != nil {
			return
		}
		var a answer
		if json.Unmarshal(message[:len(message)-1], &a) != nil {
			continue
		}
		b.mu.Lock()
		to := b.answers[a.ID]
		delete(b.answers, a.ID)
		b.mu.Unlock()
		if to != nil { // else it is an event
			to <- a
		}
	}
}

// call calls a method, in a session unless that is "", and decodes its result.
func (b *browser) call(t *testing.T, session, method string, params map[string]any, result any) {
	t.Helper()
	b.mu.Lock()
	b.last++
	id, got := b.last, make(chan answer, 1)
	b.answers[id] = got
	m := map[string]any{"id": id, "method": method, "params": params}
	if session != "" {
		m["sessionId"] = session
	}
	message, err := json.Marshal(m)
	if err == nil {
		_, err = b.in.Write(append(message, 0))
	}
	b.mu.Unlock()
	if err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	select {
	case a := <-got:
		if a.Error != nil {
			t.Fatalf("%s: %s", method, a.Error.Message)
		}
		if result != nil {
			if err := json.Unmarshal(a.Result, result); err != nil {
				t.Fatalf("%s: %v", method, err)
			}
		}
	case <-b.over:
		t.Fatalf("%s: the browser has gone", method)
	case <-time.After(60 * time.Second):
		t.Fatalf("%s: no answer", method)
	}
}

// open opens a page in a new tab.
func (b *browser) open(t *testing.T, url string) *tab {
	t.Helper()
	var target struct{ TargetID string }
	b.call(t, "", "Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.call(t, "", "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.call(t, attached.SessionID, "Page.navigate", map[string]any{"url": url}, nil) // answered when the page has begun
	return &tab{b, t, attached.SessionID}
}

// eval returns what an expression in JavaScript gives, as text; a promise is waited for.
func (p *tab) eval(expression string) string {
	p.t.Helper()
	var got struct {
		Result           struct{ Value any }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	p.call(p.t, p.session, "Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}, &got)
	if e := got.ExceptionDetails; e != nil {
		p.t.Fatalf("%s: %s %s", expression, e.Text, e.Exception.Description)
	}
	return fmt.Sprint(got.Result.Value)
}

// text returns the text of the element with that id, "" if there is none.
func (p *tab) text(id string) string {
	p.t.Helper()
	return p.eval(fmt.Sprintf("document.getElementById(%q)?.innerText ?? ''", id))
}

// await waits until the text of an element has a part, and returns it.
func (p *tab) await(id, part string) string {
	p.t.Helper()
	got := p.eval(fmt.Sprintf(`new Promise((done) => {
		const end = performance.now() + 20000;
		const look = () => {
			const text = document.getElementById(%q)?.innerText ?? '';
			if (text.includes(%q) || performance.now() > end) done(text);
			else setTimeout(look, 10);
		};
		look();
	})`, id, part))
	if !strings.Contains(got, part) {
		p.t.Fatalf("%s has %q, want %q in it", id, got, part)
	}
	return got
}

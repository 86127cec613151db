package interop

import (
	"bufio"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The binary's own page of WebSockets, in Chromium: over each protocol.
func TestChromium_webSocketPage(t *testing.T) {
	look(t, "chromium", "chromium")
	if testing.Short() {
		t.Skip("-short: a browser takes seconds")
	}
	binary := filepath.Join(t.TempDir(), "hyperion")
	run(t, "go", "build", "-o", binary, "github.com/hyperion-server/hyperion/cmd/hyperion")
	b := openBrowser(t)
	for _, c := range []struct {
		name, over string
		args       []string
	}{
		{"HTTP/1.1", "open over HTTP/1.1, permessage-deflate", nil},
		{"HTTP/1.1 and TLS", "open over HTTP/1.1 and TLS, permessage-deflate", []string{"--tls-self-signed", "--no-http2"}},
		{"HTTP/2", "open over HTTP/2 and TLS, permessage-deflate", []string{"--tls-self-signed"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			url, stop := serveBinary(t, binary, c.args...)
			page := b.open(t, url+"/websocket")
			page.await("echo-state", c.over)
			page.echo()
			other := b.open(t, url+"/websocket?room=moons")
			page.chat(other, c.over)
			if wrong := page.eval("document.querySelectorAll('.wrong').length"); wrong != "0" {
				t.Errorf("%s complaints: %s, %s", wrong, page.text("echo-log"), page.text("chat-log"))
			}
			stop()
			page.await("chat-state", "trying again")
			serveBinary(t, binary, append(c.args, "-p", url[strings.LastIndexByte(url, ':')+1:])...)
			page.await("chat-state", "in moons as Ada, "+c.over)
			page.await("echo-state", c.over)
		})
	}
}

// echo has the page send all sizes of both types.
func (p *tab) echo() {
	p.t.Helper()
	for _, size := range []string{"0", "1", "125", "126", "65535", "65536", "1048576"} {
		for _, kind := range []string{"text", "binary"} {
			p.eval(`document.getElementById('echo-log').replaceChildren();
				document.getElementById('echo-size').value = '` + size + `'; document.getElementById('echo-type').value = '` + kind + `';
				document.getElementById('echo-form').requestSubmit()`)
			p.await("echo-log", "came back the same")
		}
	}
	p.eval(`document.getElementById('echo-size').value = '125'; document.getElementById('echo-many').click()`)
	p.await("echo-log", "100 times: all came back the same")
	if got := p.text("echo-count"); got != "114" {
		p.t.Errorf("%s came back, want 114", got)
	}
}

// enter goes into a room.
func (p *tab) enter(name, room string) {
	p.t.Helper()
	p.eval(`document.getElementById('chat-name').value = '` + name + `'; document.getElementById('chat-room').value = '` + room + `';
		document.getElementById('chat-join').requestSubmit()`)
}

func (p *tab) say(text string) {
	p.t.Helper()
	value, _ := json.Marshal(text) // a string: cannot fail
	p.eval(`document.getElementById('chat-text').value = ` + string(value) + `; document.getElementById('chat-form').requestSubmit()`)
}

// chat has two tabs talk in a room. What they say is never taken for HTML.
func (p *tab) chat(other *tab, over string) {
	p.t.Helper()
	p.enter("Ada", "Moons") // as the other tab, which has it from its address, in small letters
	p.await("chat-state", "in moons as Ada")
	other.await("chat-state", "in moons")
	other.enter("Ada", "moons")
	other.await("chat-state", "in moons as Ada 2, "+over)
	p.await("chat-here", "2 here: Ada, Ada 2")

	const script = `<img src=x onerror="document.title='taken'"><script>document.title='taken'</script>`
	p.say(script)
	for _, tab := range []*tab{p, other} {
		tab.await("chat-log", script)
		if got := tab.eval("document.title + document.querySelectorAll('#chat-log img, #chat-log script').length"); got != "WebSocket · Hyperion0" {
			p.t.Errorf("a message was taken for HTML: %s", got)
		}
	}
	other.say("Saturn ☾ 土星")
	p.await("chat-log", "Saturn ☾ 土星")

	other.enter("Bob", "elsewhere")
	p.await("chat-log", "Ada 2 went")
	p.await("chat-here", "1 here: Ada")
	p.say("while you were away")
	p.await("chat-log", "while you were away")
	other.enter("Bob", "moons")
	other.await("chat-log", "while you were away")
}

// serveBinary runs the binary until the test ends or the function is called, and returns its URL.
func serveBinary(t *testing.T, binary string, args ...string) (url string, stop func()) {
	t.Helper()
	cmd := exec.Command(binary, append([]string{"-p", "0", "--no-log-requests"}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var problem strings.Builder
	cmd.Stderr = &problem
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server ended with %v: %s", err, problem.String())
		}
	}
	t.Cleanup(stop)
	line, err := bufio.NewReader(out).ReadBytes('\n')
	var boot struct{ URL string }
	if err == nil {
		err = json.Unmarshal(line, &boot)
	}
	if err != nil {
		t.Fatalf("boot report %q: %v: %s", line, err, problem.String())
	}
	return boot.URL, stop
}

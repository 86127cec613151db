package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"time"
)

// A bootReport says that the server listens: as a banner on a terminal, else
// as one line of JSON.
type bootReport struct {
	TS       string `json:"ts"`
	Level    string `json:"level"`
	Source   string `json:"source"`
	Message  string `json:"message"`
	Event    string `json:"event"`
	URL      string `json:"url"`
	Redirect string `json:"redirect,omitempty"`    // address that leads there
	SHA256   string `json:"fingerprint,omitempty"` // of a self-signed certificate
	Dir      string `json:"dir,omitempty"`
	Site     string `json:"site,omitempty"`
	Files    *int   `json:"files,omitempty"` // counted to the end, else absent
	Bytes    *int64 `json:"bytes,omitempty"`
	PID      int    `json:"pid"`
	Version  string `json:"version"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	CPUs     int    `json:"cpus"`
	Engine   string `json:"engine"`
	Native   string `json:"native"` // C units in use
}

// announce reports on stdout that the server listens.
func (a *app) announce(f *serverFlags, s site, t *transport, at *net.TCPAddr) {
	var inv inventory
	if s.dir != "" {
		inv = takeInventory(s.dir, inventoryTime)
	}
	if a.wantsJSON(f, a.stdout) {
		a.stdout.Write(bootLine(s, t, inv, at))
		return
	}
	a.stdout.Write(banner(s, t, inv, at, a.colours(a.stdout)))
}

func bootLine(s site, t *transport, inv inventory, at *net.TCPAddr) []byte {
	r := bootReport{
		TS: time.Now().UTC().Format(stampLayout), Level: "info", Source: "hyperion", Message: "listening", Event: "listening",
		URL: url(t.scheme(), at), Redirect: t.redirectURL(), SHA256: t.fingerprint(), Dir: s.dir, PID: os.Getpid(), Version: version, Go: runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH, CPUs: runtime.NumCPU(), Engine: engine(), Native: nativeUnits(),
	}
	switch {
	case s.dir == "":
		r.Site = s.name
	case inv.complete:
		r.Files, r.Bytes = &inv.files, &inv.bytes
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b) // ends the line
	e.SetEscapeHTML(false)
	e.Encode(r) // of strings and numbers: cannot fail
	return b.Bytes()
}

func banner(s site, t *transport, inv inventory, at *net.TCPAddr, colours bool) []byte {
	strong, soft, plain := "\x1b[1m", "\x1b[2m", "\x1b[0m"
	if !colours {
		strong, soft, plain = "", "", ""
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%shyperion %s%s  %s  %s  %d cpu  (%s, C units: %s)\n", strong, version, plain,
		runtime.GOOS+"/"+runtime.GOARCH, runtime.Version(), runtime.NumCPU(), engine(), nativeUnits())
	fmt.Fprintf(&b, "  %ssite%s     %s", soft, plain, s.name)
	if s.dir != "" {
		fmt.Fprintf(&b, "    %s", inv)
	}
	fmt.Fprintf(&b, "\n  %slisten%s   %s%s%s", soft, plain, strong, url(t.scheme(), at), plain)
	if at.IP.IsUnspecified() {
		fmt.Fprint(&b, "  on every address of this machine")
	}
	if from := t.redirectURL(); from != "" {
		fmt.Fprintf(&b, "\n           %s leads there", from)
	}
	if sum := t.fingerprint(); sum != "" {
		fmt.Fprintf(&b, "\n  %ssha256%s   %s", soft, plain, sum)
	}
	fmt.Fprintf(&b, "\n  %sstop%s     Ctrl-C; once more to stop without waiting\n", soft, plain)
	return b.Bytes()
}

// url returns an address to open: that of this machine when all were bound.
func url(scheme string, at *net.TCPAddr) string {
	host := at.IP.String()
	if at.IP.IsUnspecified() {
		host = "localhost"
	}
	return scheme + "://" + net.JoinHostPort(host, strconv.Itoa(at.Port))
}

package interop

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
)

// images is how many images the page has: half of them files, half from a handler.
const images = 100

// page tells the server when all images are there, how wide they are together
// and what each came over.
const page = `<!DOCTYPE html><title>images</title><link rel="icon" href="data:,"><body><script>
addEventListener('load', () => {
  let width = 0;
  for (const i of document.images) width += i.naturalWidth;
  const over = {};
  for (const e of performance.getEntriesByType('resource')) over[e.nextHopProtocol] = (over[e.nextHopProtocol] || 0) + 1;
  fetch('/done', {method: 'POST', body: JSON.stringify({Width: width, Over: over})});
});
</script>
`

// picture returns a PNG of that width.
func picture(width int) []byte {
	img := image.NewRGBA(image.Rect(0, 0, width, 40))
	for i := range width * 40 {
		img.Set(i%width, i/width, color.RGBA{uint8(i * 7), uint8(i / 3), uint8(width), 255})
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err) // into memory
	}
	return b.Bytes()
}

// Chromium loads a page of many images over h2.
func TestChromium(t *testing.T) {
	look(t, "chromium", "chromium")
	if testing.Short() {
		t.Skip("-short: a browser takes seconds")
	}
	type report struct {
		Width int
		Over  map[string]int
	}
	dir, html, want := t.TempDir(), page, 0
	for i := range images {
		want += i + 1
		name := fmt.Sprintf("/images/%d.png", i+1)
		if i%2 == 1 {
			name = fmt.Sprintf("/made/%d.png", i+1)
		} else if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), picture(i+1), 0o644); err != nil {
			t.Fatal(err)
		}
		html += `<img src="` + name + `">`
	}
	done := make(chan report, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write([]byte(html))
	})
	mux.HandleFunc("GET /made/{name}", func(w http.ResponseWriter, r *http.Request) {
		var n int
		fmt.Sscanf(r.PathValue("name"), "%d.png", &n)
		w.Header().Set("Content-Type", "image/png")
		w.Write(picture(n))
	})
	mux.HandleFunc("POST /done", func(_ http.ResponseWriter, r *http.Request) {
		var got report
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		done <- got
	})
	s := &goserver.Server{Handler: mux}
	if err := s.Static("/images/", dir, nil); err != nil {
		t.Fatal(err)
	}
	where := listen(t, s, true)
	said := browse(t, where)
	select {
	case got := <-done:
		if got.Width != want || len(got.Over) != 1 || got.Over["h2"] < images {
			t.Errorf("%+v, want a width of %d, all over h2", got, want)
		}
	case <-time.After(60 * time.Second):
		t.Fatalf("the page was not loaded: %s", said())
	}
}

// browse has Chromium load the site's page, until the test ends. The function
// returns what the browser printed, and ends it.
func browse(t *testing.T, where site) func() string {
	t.Helper()
	_, port, _ := net.SplitHostPort(where.addr)
	return startChromium(t, nil, "--ignore-certificate-errors-spki-list="+fingerprint(t, where.cert), "https://localhost:"+port+"/")
}

// fingerprint is the SHA-256 of the certificate's public key, as Chromium takes it.
func fingerprint(t *testing.T, cert []byte) string {
	t.Helper()
	block, _ := pem.Decode(cert)
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

package goserver_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/hyperion-server/hyperion/goserver"
)

// A certificate for development. For production, set Certificates or Dir, which are
// loaded anew when their files change, or ACME.
func ExampleOpenTLS() {
	t, err := goserver.OpenTLS(goserver.TLSOptions{SelfSigned: true})
	if err != nil {
		log.Fatal(err)
	}
	defer t.Close()
	srv := &goserver.Server{
		TLSConfig: t.Config(),
		HSTS:      &goserver.HSTS{MaxAge: 0},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "hello over "+tls.VersionName(r.TLS.Version)+"\n")
		}),
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	t.Start() // begins to get certificates by ACME, if that is asked for
	go srv.ServeTLS(l, "", "")
	defer srv.Close()

	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	resp, err := client.Get("https://" + l.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	io.Copy(os.Stdout, resp.Body)
	fmt.Println(resp.Header.Get("Strict-Transport-Security"))
	// Output:
	// hello over TLS 1.3
	// max-age=0
}

func ExampleRedirectHTTPS() {
	srv := &goserver.Server{Handler: goserver.RedirectHTTPS(443)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go srv.Serve(l)
	defer srv.Close()
	r, err := http.NewRequest("GET", "http://"+l.Addr().String()+"/path?query", nil)
	if err != nil {
		log.Fatal(err)
	}
	r.Host = "example.com"
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	fmt.Println(resp.StatusCode, resp.Header.Get("Location"))
	// Output:
	// 308 https://example.com/path?query
}

package goserver

import (
	"net"
	"net/http"
	"strconv"
	"strings"
)

const httpsPort = 443

// RedirectHTTPS returns a handler for a listener without TLS: it sends each request to the
// same host, path and query by https, at a port (443 is left out), with status 308, so
// that the method stays. A request that names no host gets a 400.
func RedirectHTTPS(port int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
			if net.ParseIP(h) != nil && net.ParseIP(h).To4() == nil {
				host = "[" + h + "]"
			}
		}
		if host == "" {
			http.Error(w, "This port only redirects to https, for which the request must name a host.", http.StatusBadRequest)
			return
		}
		if port != httpsPort {
			host += ":" + strconv.Itoa(port)
		}
		target := r.RequestURI
		if !strings.HasPrefix(target, "/") { // in absolute form, or another one (RFC 9112 §3.2)
			target = r.URL.RequestURI()
		}
		if !strings.HasPrefix(target, "/") {
			target = "/"
		}
		http.Redirect(w, r, "https://"+host+target, http.StatusPermanentRedirect)
	})
}

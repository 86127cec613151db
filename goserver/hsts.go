package goserver

import (
	"strconv"
	"time"
)

// HSTS tells browsers to use nothing but TLS with this host (RFC 6797). It is
// sent with each response over TLS, and never without TLS.
type HSTS struct {
	MaxAge            time.Duration // how long, in whole seconds; 0 tells browsers to forget it; less than a second: Serve fails
	IncludeSubDomains bool          // also for each host below this one
	Preload           bool          // agree to be on the lists that browsers come with; hard to undo
}

// String returns the value of the field Strict-Transport-Security.
func (h HSTS) String() string {
	s := "max-age=" + strconv.FormatInt(int64(h.MaxAge/time.Second), 10)
	if h.IncludeSubDomains {
		s += "; includeSubDomains"
	}
	if h.Preload {
		s += "; preload"
	}
	return s
}

func (s *Server) hsts() string {
	if s.HSTS == nil {
		return ""
	}
	return s.HSTS.String()
}

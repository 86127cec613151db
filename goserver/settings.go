package goserver

import (
	"errors"
	"fmt"
	"time"
)

// ErrSetting is in the errors of the Serve methods for which a number in a field of the
// Server is the cause. They name the field, its value and what is expected.
var ErrSetting = errors.New("goserver: setting out of range")

const (
	longest     = 1 << 60 * time.Nanosecond // a time of 36 years never passes; later ones could not be added to a clock
	longestHead = 1 << 30                   // bytes: what SETTINGS_MAX_HEADER_LIST_SIZE and twice as much in an int can say
)

// check returns an error that names the first field of s which is wrong.
func (s *Server) check(overTLS bool) error {
	if err := errors.Join(atLeastOne("MaxHeaderCount", s.MaxHeaderCount), atLeastOne("MaxTargetBytes", s.MaxTargetBytes)); err != nil {
		return err
	}
	if h := s.HSTS; h != nil && h.MaxAge != 0 && h.MaxAge < time.Second {
		return fmt.Errorf("%w: Server.HSTS.MaxAge is %v, expected a second or more, or 0", ErrSetting, h.MaxAge)
	}
	if _, err := s.fileRung(); err != nil {
		return err
	}
	return s.checkKTLS(overTLS)
}

// atLeastOne checks a limit of which 0 is the default.
func atLeastOne(field string, v int) error {
	if v < 0 {
		return fmt.Errorf("%w: Server.%s is %d, expected 1 or more, or 0 for the default", ErrSetting, field, v)
	}
	return nil
}

// orDefault resolves a limit: 0 is the default, negative is none, which is 0 inside.
func orDefault[T int | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return max(v, 0)
}

// span is orDefault for a time.
func span(v, def time.Duration) time.Duration { return min(orDefault(v, def), longest) }

func bodyLimit(v int64) int64 {
	if v == 0 {
		return DefaultMaxBodyBytes
	}
	return max(v, -1)
}

// headLimit is as in http.Server, where a negative limit is the default, too.
func (s *Server) headLimit() int {
	if s.MaxHeaderBytes <= 0 {
		return DefaultMaxHeaderBytes
	}
	return min(s.MaxHeaderBytes, longestHead)
}

func (s *Server) headerTimeout() time.Duration {
	if s.ReadHeaderTimeout == 0 && s.ReadTimeout != 0 {
		return span(s.ReadTimeout, 0)
	}
	return span(s.ReadHeaderTimeout, DefaultHeaderTimeout)
}

func (s *Server) idleTimeout() time.Duration {
	if s.IdleTimeout == 0 && s.ReadTimeout != 0 {
		return span(s.ReadTimeout, 0)
	}
	return span(s.IdleTimeout, DefaultIdleTimeout)
}

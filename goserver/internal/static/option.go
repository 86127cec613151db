package static

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// ErrPrefix is in the errors of New of which the prefix is the cause.
var ErrPrefix = errors.New("goserver: prefix of static files")

// An OptionError is why New refuses an option; goserver.StaticOptionError has the same
// fields and tells what they mean.
type OptionError struct {
	Option, Value, Reason string
}

func (e *OptionError) Error() string {
	return fmt.Sprintf("goserver: StaticOptions.%s: %q: %s", e.Option, e.Value, e.Reason)
}

const maxAdmitAfter = 15 // requests, which a pagecache counts

// check returns an error for the first option that means nothing, whatever files there are.
func (o *Options) check(prefix string) error {
	if !strings.HasPrefix(prefix, "/") || !strings.HasSuffix(prefix, "/") || strings.ContainsAny(prefix, "{}%") {
		return fmt.Errorf("%w: %q: expected a slash at both ends, no wildcards and no escapes", ErrPrefix, prefix)
	}
	for _, name := range o.Index {
		if name == "" || strings.ContainsAny(name, "/\\\x00") {
			return &OptionError{"Index", name, "expected the name of a file, without directory"}
		}
	}
	for _, pattern := range o.Immutable {
		if _, err := path.Match(pattern, ""); err != nil {
			return &OptionError{"Immutable", pattern, "expected a pattern of path.Match, such as *.woff2 or assets/*"}
		}
	}
	for status, name := range o.ErrorPages {
		if builtin[status] == nil {
			return &OptionError{"ErrorPages", errorPageValue(status, name), fmt.Sprintf("expected one of the statuses %d", errorStatuses)}
		}
	}
	return o.checkNumbers()
}

func (o *Options) checkNumbers() error {
	for _, n := range []struct {
		option      string
		value, most int64 // 0: no limit
	}{
		{"CacheBytes", o.CacheBytes, 0},
		{"CacheEntries", int64(o.CacheEntries), 0},
		{"AdmitAfter", int64(o.AdmitAfter), maxAdmitAfter},
	} {
		expected := "1 or more"
		if n.most > 0 {
			expected = fmt.Sprintf("1 to %d", n.most)
		}
		if n.value < 0 || n.most > 0 && n.value > n.most {
			return &OptionError{n.option, strconv.FormatInt(n.value, 10), "expected " + expected + ", or 0 for the default"}
		}
	}
	return nil
}

// ErrorStatuses returns the statuses that Options.ErrorPages may have.
func ErrorStatuses() []int { return slices.Clone(errorStatuses) }

func errorPageValue(status int, file string) string { return strconv.Itoa(status) + "=" + file }

// checkFiles looks whether the files are there that options name.
func (s *Site) checkFiles() error {
	if name := s.options.SPA; name != "" {
		s.spa = []byte(s.prefix + name)
		if _, slash, ok := s.name(string(s.spa)); !ok || slash {
			return &OptionError{"SPA", name, "expected the name of a file that is served"}
		}
		if _, why := s.checkFile(name); why != "" {
			return &OptionError{"SPA", name, why}
		}
	}
	for status, name := range s.options.ErrorPages {
		size, why := s.checkFile(name)
		if why == "" && size > maxErrorPage {
			why = fmt.Sprintf("it has %d bytes, expected at most %d", size, maxErrorPage)
		}
		if why != "" {
			return &OptionError{"ErrorPages", errorPageValue(status, name), why}
		}
	}
	return nil
}

// checkFile returns the size of a file, or what is wrong with it.
func (s *Site) checkFile(name string) (size int64, why string) {
	const expected = ", expected a file below the directory that is served"
	info, err := s.root.Stat(name)
	if at := (*fs.PathError)(nil); errors.As(err, &at) {
		err = at.Err // the name is known, and the system call nobody's concern
	}
	switch {
	case err != nil:
		return 0, err.Error() + expected
	case !info.Mode().IsRegular():
		return 0, "not a regular file" + expected
	}
	return info.Size(), ""
}

// Package wirecase reads test cases of bytes on an HTTP/1.1 connection, written
// for people. The files and their form are in goserver/internal/h1/testdata/wire.
// Only tests import it.
//
// Its types are Case and Outcome; Load reads a folder of cases.
package wirecase

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// A Case is what one connection sends, and what must come of it.
type Case struct {
	File    string // name of its file
	Name    string // its heading
	Section string // the first that it cites, as "RFC 9112 §5.1"
	Input   []byte
	Want    []Outcome // in order; all that comes of Input
}

// An Outcome is one response, or with Status 0 that none comes because the
// input is not complete.
type Outcome struct {
	Status int
	Error  string // name of the variable in package h1; empty for an accepted request
	Close  bool   // the connection ends after the response
	Facts  map[string]string
}

// Load reads the cases of all files in dir, the README aside.
func Load(dir string) ([]Case, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil {
		return nil, err
	}
	var cases []Case
	for _, file := range files {
		if filepath.Base(file) == "README.md" {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		more, err := parseFile(filepath.Base(file), text)
		if err != nil {
			return nil, err
		}
		cases = append(cases, more...)
	}
	return cases, nil
}

var sectionForm = regexp.MustCompile(`RFC \d{4} §\d+(\.\d+)*`)

// parseFile reads the cases of one file.
func parseFile(file string, text []byte) (cases []Case, err error) {
	lines := bufio.NewScanner(bytes.NewReader(text))
	for number := 1; lines.Scan(); number++ {
		line := lines.Text()
		fail := func(format string, args ...any) error {
			return fmt.Errorf("%s:%d: %s", file, number, fmt.Sprintf(format, args...))
		}
		if strings.TrimRight(line, " \t") != line {
			return nil, fail("line ends with white space")
		}
		if name, ok := strings.CutPrefix(line, "## "); ok {
			cases = append(cases, Case{File: file, Name: name})
			continue
		}
		if len(cases) == 0 {
			continue // before the first case
		}
		c := &cases[len(cases)-1]
		if raw, ok := strings.CutPrefix(line, "    > "); ok {
			input, rest, err := unescape(raw, false)
			if err != nil || rest != "" {
				return nil, fail("input: %v", err)
			}
			c.Input = append(c.Input, input...)
		} else if want, ok := strings.CutPrefix(line, "    < "); ok {
			o, err := parseOutcome(want)
			if err != nil {
				return nil, fail("outcome: %v", err)
			}
			c.Want = append(c.Want, o)
		} else if strings.HasPrefix(line, "    ") {
			return nil, fail("neither input nor outcome")
		} else if c.Section == "" {
			c.Section = sectionForm.FindString(line)
		}
	}
	for _, c := range cases {
		if c.Section == "" || c.Input == nil || c.Want == nil {
			return nil, fmt.Errorf("%s: %q lacks a section, input or outcome", file, c.Name)
		}
	}
	return cases, lines.Err()
}

// parseOutcome reads "STATUS [Error] keep|close [fact=value ...]" or
// "more [fact=value ...]".
func parseOutcome(s string) (o Outcome, err error) {
	words := strings.Fields(s)
	if words[0] != "more" {
		if o.Status, err = strconv.Atoi(words[0]); err != nil {
			return o, err
		}
		words = words[1:]
		if len(words) > 0 && strings.HasPrefix(words[0], "Err") {
			o.Error = words[0]
			words = words[1:]
		}
		if len(words) == 0 || words[0] != "keep" && words[0] != "close" {
			return o, fmt.Errorf("neither keep nor close in %q", s)
		}
		o.Close = words[0] == "close"
	}
	o.Facts = make(map[string]string)
	for _, word := range words[1:] {
		name, value, ok := strings.Cut(word, "=")
		if !ok {
			return o, fmt.Errorf("%q is not a fact", word)
		}
		raw, rest, err := unescape(value, false)
		if err != nil || rest != "" {
			return o, fmt.Errorf("value of %s: %v", name, err)
		}
		o.Facts[name] = string(raw)
	}
	return o, nil
}

// unescape resolves the escapes of s, which inside a repetition ends at the
// first "}"; rest is what follows that.
func unescape(s string, inside bool) (out []byte, rest string, err error) {
	for s != "" {
		switch {
		case inside && s[0] == '}':
			return out, s[1:], nil
		case s[0] == '\\':
			var c byte
			if c, s, err = escape(s[1:]); err != nil {
				return nil, "", err
			}
			out = append(out, c)
		case strings.HasPrefix(s, "{repeat:"):
			count, text, ok := strings.Cut(s[len("{repeat:"):], ":")
			n, err := strconv.Atoi(count)
			if !ok || err != nil {
				return nil, "", fmt.Errorf("bad repetition in %q", s)
			}
			var piece []byte
			if piece, s, err = unescape(text, true); err != nil {
				return nil, "", err
			}
			out = append(out, bytes.Repeat(piece, n)...)
		default:
			out = append(out, s[0])
			s = s[1:]
		}
	}
	if inside {
		return nil, "", fmt.Errorf("repetition does not end")
	}
	return out, "", nil
}

// escape resolves one escape, of which s is what follows the backslash.
func escape(s string) (c byte, rest string, err error) {
	if s == "" {
		return 0, "", fmt.Errorf("backslash at the end")
	}
	switch s[0] {
	case 'r':
		return '\r', s[1:], nil
	case 'n':
		return '\n', s[1:], nil
	case 't':
		return '\t', s[1:], nil
	case '\\':
		return '\\', s[1:], nil
	case 'x':
		if len(s) >= 3 {
			n, err := strconv.ParseUint(s[1:3], 16, 8)
			return byte(n), s[3:], err
		}
	}
	return 0, "", fmt.Errorf("unknown escape \\%s", s)
}

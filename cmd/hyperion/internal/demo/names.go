package demo

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// personName returns a member's name as others see it: without spaces around it, and without
// characters that cannot be seen or that change the direction of text.
func personName(s string) (name string, ok bool) {
	s = strings.Join(strings.Fields(s), " ")
	return s, fits(s, unicode.IsPrint)
}

// roomName returns a room's name, in small letters.
func roomName(s string) (name string, ok bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	return s, fits(s, func(c rune) bool { return c == '-' || unicode.IsLetter(c) || unicode.IsDigit(c) })
}

func fits(s string, good func(rune) bool) bool {
	if n := utf8.RuneCountInString(s); n == 0 || n > maxName || !utf8.ValidString(s) {
		return false
	}
	return !strings.ContainsFunc(s, func(c rune) bool { return !good(c) })
}

// sayable tells whether a text has something to see, and no control characters but those of lines.
func sayable(s string) bool {
	control := func(c rune) bool { return unicode.IsControl(c) && c != '\n' && c != '\t' }
	visible := func(c rune) bool { return unicode.IsPrint(c) && c != ' ' }
	return strings.ContainsFunc(s, visible) && !strings.ContainsFunc(s, control)
}

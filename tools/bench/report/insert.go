package report

import (
	"bytes"
	"errors"
)

// The lines of a document between which a report stands.
const (
	Begin = "<!-- bench-peers: begin (written by tools/bench; do not edit) -->"
	End   = "<!-- bench-peers: end -->"
)

var errMarkers = errors.New("report: the document must have the begin line and, after it, the end line, each once")

// Insert replaces what is between the two marker lines of a document. A
// document without markers gets them, and the text, at its end.
func Insert(doc, text []byte) ([]byte, error) {
	begins, ends := bytes.Count(doc, []byte(Begin)), bytes.Count(doc, []byte(End))
	block := Begin + "\n\n" + string(bytes.TrimSpace(text)) + "\n\n" + End
	if begins == 0 && ends == 0 {
		if doc = bytes.TrimRight(doc, "\n"); len(doc) > 0 {
			doc = append(bytes.Clone(doc), "\n\n"...)
		}
		return append(doc, block+"\n"...), nil
	}
	before, rest, _ := bytes.Cut(doc, []byte(Begin))
	_, after, found := bytes.Cut(rest, []byte(End))
	if begins != 1 || ends != 1 || !found {
		return nil, errMarkers
	}
	return bytes.Join([][]byte{before, []byte(block), after}, nil), nil
}

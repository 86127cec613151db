package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFiles_current(t *testing.T) {
	made, err := files()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range made {
		have, err := os.ReadFile(filepath.Join("../..", filepath.FromSlash(f.path)))
		if err != nil || !bytes.Equal(have, f.text) {
			t.Errorf("%s is not what gen makes (%v); run: go run ./tools/gen", f.path, err)
		}
	}
}

func TestParseCodes_rejects(t *testing.T) {
	for name, edit := range map[string][2]string{
		"a missing symbol":      {"255 3ffffee 26\n", ""},
		"a line out of order":   {"254 7fffff0 27\n255 3ffffee 26\n", "255 3ffffee 26\n254 7fffff0 27\n"},
		"a code not canonical":  {"255 3ffffee 26\n", "255 3ffffef 26\n"},
		"a length over 30 bits": {"256 3fffffff 30\n", "256 3fffffff 31\n"},
		"no number":             {"255 3ffffee 26\n", "255 x 26\n"},
	} {
		text := strings.Replace(appendixB, edit[0], edit[1], 1)
		if text == appendixB {
			t.Fatalf("%s: the edit changes nothing", name)
		}
		if _, err := parseCodes(text); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestParseEntries_rejects(t *testing.T) {
	if _, err := parseEntries("1 :authority\n3 :method POST\n"); err == nil {
		t.Error("an index left out: no error")
	}
}

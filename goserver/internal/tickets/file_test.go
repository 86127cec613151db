package tickets

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	digits := strings.Repeat("0f", secretSize)
	line := "2026-11-21T12:00:00Z " + digits + "\n"
	older := "2026-11-21T11:00:00Z " + digits + "\n"
	for _, c := range []struct {
		name, text string
		keys       int
		err        error
	}{
		{"one", line, 1, nil},
		{"no end of line", strings.TrimSuffix(line, "\n"), 1, nil},
		{"two", line + older, 2, nil},
		{"made in one second", line + line, 2, nil},
		{"comments and blank lines", "# keys\n\n" + line + "\n# older\n" + older, 2, nil},
		{"other time zone", "2026-11-21T13:00:00+01:00 " + digits, 1, nil},
		{"as many as may be", strings.Repeat(line, maxKeys), maxKeys, nil},
		{"too many", strings.Repeat(line, maxKeys+1), 0, ErrTooManyKeys},
		{"empty", "", 0, ErrNoKeys},
		{"comments only", "# keys\n", 0, ErrNoKeys},
		{"oldest first", older + line, 0, ErrOrder},
		{"no time", digits, 0, ErrFormat},
		{"no key", "2026-11-21T12:00:00Z\n", 0, ErrFormat},
		{"short key", "2026-11-21T12:00:00Z " + digits[2:], 0, ErrFormat},
		{"long key", "2026-11-21T12:00:00Z " + digits + "00", 0, ErrFormat},
		{"not hexadecimal", "2026-11-21T12:00:00Z " + strings.Repeat("0g", secretSize), 0, ErrFormat},
		{"bad time", "yesterday " + digits, 0, ErrFormat},
	} {
		keys, err := parse([]byte(c.text))
		if len(keys) != c.keys || !errors.Is(err, c.err) {
			t.Errorf("%s: %d keys, %v, want %d, %v", c.name, len(keys), err, c.keys, c.err)
		}
		if err != nil && err != ErrNoKeys && !strings.Contains(err.Error(), "line ") {
			t.Errorf("%s: %v does not say where", c.name, err)
		}
		if again, err := parse(format(keys)); c.keys > 0 && (err != nil || len(again) != len(keys) || again[0].secret != keys[0].secret || !again[0].made.Equal(keys[0].made)) {
			t.Errorf("%s: not the same after a round trip: %v", c.name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("2026-11-21T12:00:00Z " + strings.Repeat("0f", secretSize) + "\n# x\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := parse(text)
		if err != nil {
			return
		}
		again, err := parse(format(keys))
		if err != nil || len(again) != len(keys) {
			t.Fatalf("%q: %v, %d of %d keys", text, err, len(again), len(keys))
		}
	})
}

func TestRead_permissions(t *testing.T) {
	name := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(name, format([]key{{made: time.Now()}}), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, ok := range map[fs.FileMode]bool{0o600: true, 0o400: true, 0o640: true, 0o440: true, 0o660: false, 0o604: false, 0o644: false, 0o602: false} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := read(name); (err == nil) != ok || !ok && (!errors.Is(err, ErrPermissions) || !strings.Contains(err.Error(), name)) {
			t.Errorf("%#o: %v", mode, err)
		}
	}
	if _, err := read(t.TempDir()); !errors.Is(err, ErrNotRegular) {
		t.Errorf("a directory: %v", err)
	}
}

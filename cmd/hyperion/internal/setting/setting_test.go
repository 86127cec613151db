package setting

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

func TestValues(t *testing.T) {
	bad := "" // the String wanted when Set must refuse
	cases := []struct {
		name  string
		value pflag.Value
		in    string
		want  string
	}{
		{"bytes", &Size{}, "512", "512"},
		{"bytes with unit", &Size{}, "512B", "512"},
		{"KiB", &Size{}, "64KiB", "64KiB"},
		{"lower case and blank", &Size{}, " 16 mib ", "16MiB"},
		{"GiB", &Size{}, "3GiB", "3GiB"},
		{"largest whole unit", &Size{}, "1536KiB", "1536KiB"},
		{"none where allowed", &Size{Optional: true}, "none", "none"},
		{"none where not", &Size{}, "none", bad},
		{"size zero", &Size{}, "0", bad},
		{"size negative", &Size{}, "-1KiB", bad},
		{"size fraction", &Size{}, "1.5MiB", bad},
		{"size decimal unit", &Size{}, "5MB", bad},
		{"size overflow", &Size{}, "9007199254740993GiB", bad},
		{"size at the limit", &Size{Max: 1 << 20}, "1MiB", "1MiB"},
		{"size above the limit", &Size{Max: 1 << 20}, "1025KiB", bad},
		{"size at the least", &Size{Min: 16 << 10}, "16KiB", "16KiB"},
		{"size below the least", &Size{Min: 16 << 10}, "16383", bad},
		{"size empty", &Size{}, "", bad},
		{"count", &Count{}, "100", "100"},
		{"count none", &Count{Optional: true}, "none", "none"},
		{"count zero", &Count{}, "0", bad},
		{"count words", &Count{}, "many", bad},
		{"span", &Span{}, "90s", "1m30s"},
		{"span minutes", &Span{}, "2m", "2m"},
		{"span below a second", &Span{}, "500ms", "500ms"},
		{"span none", &Span{Optional: true}, "none", "none"},
		{"span without unit", &Span{}, "30", bad},
		{"span zero", &Span{}, "0s", bad},
		{"span zero where allowed", &Span{Zero: true}, "0s", "0s"},
		{"port", new(Port), "8080", "8080"},
		{"port chosen by the system", new(Port), "0", "0"},
		{"port too high", new(Port), "65536", bad},
		{"port by name", new(Port), "http", bad},
		{"port or none", &OptionalPort{}, "8080", "8080"},
		{"port or none, chosen by the system", &OptionalPort{N: None}, "0", "0"},
		{"no port", &OptionalPort{}, "none", "none"},
		{"port or none, too high", &OptionalPort{N: None}, "65536", bad},
		{"switch", &Switch{Target: new(bool)}, "ON", "true"},
		{"switch off", &Switch{Target: new(bool)}, "no", "false"},
		{"switch unclear", &Switch{Target: new(bool)}, "maybe", bad},
		{"choice", &Choice{Words: []string{"text", "json"}}, "JSON", "json"},
		{"choice unknown", &Choice{Words: []string{"text", "json"}}, "xml", bad},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			before := c.value.String()
			err := c.value.Set(c.in)
			switch {
			case c.want == bad && (err == nil || !strings.HasPrefix(err.Error(), "expected ")):
				t.Errorf("Set(%q) = %v, want an error that says what is expected", c.in, err)
			case c.want == bad && c.value.String() != before:
				t.Errorf("refused Set changed the value to %s", c.value)
			case c.want != bad && (err != nil || c.value.String() != c.want):
				t.Errorf("Set(%q) = %v, %s, want %s", c.in, err, c.value, c.want)
			}
		})
	}
}

// flags is a small set as the commands have it.
type flags struct {
	*pflag.FlagSet
	port  Port
	idle  Span
	index List
	log   bool
}

func newFlags(t *testing.T, args ...string) *flags {
	t.Helper()
	f := &flags{FlagSet: pflag.NewFlagSet("test", pflag.ContinueOnError), port: 9292, idle: Span{D: time.Minute}, log: true}
	f.index = List{Items: []string{"index.html"}, Check: func(s string) error {
		if s == "" || strings.Contains(s, "/") {
			return errors.New("expected a file name")
		}
		return nil
	}}
	f.Var(&f.port, "port", "")
	f.Var(&f.idle, "idle-timeout", "")
	f.Var(&f.index, "index", "")
	f.VarPF(&Switch{Target: &f.log}, "log-requests", "", "").NoOptDefVal = "true"
	Negate(f.FlagSet, "log-requests", &f.log)
	if err := f.Parse(args); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestApply_precedence(t *testing.T) {
	env := []string{"HYPERION_PORT=1", "HYPERION_IDLE_TIMEOUT=5s", "HYPERION_INDEX=a.html, b.html", "HYPERION_LOG_REQUESTS=off", "PATH=/bin"}
	cases := []struct {
		name, want string
		args, env  []string
	}{
		{"default", "9292 1m index.html true", nil, nil},
		{"variable over default", "1 5s a.html,b.html false", nil, env},
		{"flag over variable", "2 3s c.html,d.html true", []string{"--port=2", "--idle-timeout=3s", "--index=c.html", "--index=d.html", "--log-requests"}, env},
		{"no-flag over variable", "9292 1m index.html false", []string{"--no-log-requests"}, []string{"HYPERION_LOG_REQUESTS=on"}},
		{"empty variable is not set", "9292 1m index.html true", nil, []string{"HYPERION_PORT=", "HYPERION_INDEX="}},
		{"no-flag has no variable", "9292 1m index.html true", nil, []string{"HYPERION_NO_LOG_REQUESTS=true"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := newFlags(t, c.args...)
			if err := Apply(f.FlagSet, c.env); err != nil {
				t.Fatal(err)
			}
			sw := Switch{Target: &f.log}
			if got := strings.Join([]string{f.port.String(), f.idle.String(), f.index.String(), sw.String()}, " "); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestApply_tellsOfEveryBadValue(t *testing.T) {
	err := Apply(newFlags(t).FlagSet, []string{"HYPERION_PORT=http", "HYPERION_IDLE_TIMEOUT=5", "HYPERION_INDEX=a.html,b/c.html", "HYPERION_LOG_REQUESTS=1"})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`HYPERION_PORT="http": expected a port from 0`,
		`HYPERION_IDLE_TIMEOUT="5": expected a time with its unit`,
		`HYPERION_INDEX="a.html,b/c.html": expected a file name`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in:\n%v", want, err)
		}
	}
	if n := strings.Count(err.Error(), "\n") + 1; n != 3 {
		t.Errorf("%d errors, want 3", n)
	}
}

func TestUnknown(t *testing.T) {
	env := []string{"HYPERION_PROT=1", "HYPERION_PORT=1", "HYPERION_Z=", "HOME=/", "HYPERIONX=1"}
	got := Unknown(env, map[string]bool{"HYPERION_PORT": true})
	if want := []string{"HYPERION_PROT", "HYPERION_Z"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestNearest(t *testing.T) {
	names := []string{"port", "bind", "max-conns", "max-body-bytes", "log-level"}
	cases := map[string]string{
		"prot":          "port",
		"ports":         "port",
		"max-con":       "max-conns",
		"max_conns":     "max-conns",
		"maxbodybytes":  "max-body-bytes",
		"loglevel":      "log-level",
		"workers":       "",
		"z":             "",
		"max-body-byte": "max-body-bytes",
	}
	for in, want := range cases {
		if got := Nearest(in, names); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", in, got, want)
		}
	}
}

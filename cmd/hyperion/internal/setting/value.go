package setting

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The types below are pflag values. Their Set says what it expected, so that
// the message needs only the name in front. None means no limit.

// None is a limit that is switched off, as goserver.Server's fields want it.
const None = -1

// A Size is a number of bytes: "512", "64KiB", "16MiB", "1GiB", or "none" if
// Optional.
type Size struct {
	Bytes    int64
	Optional bool
	Min, Max int64 // 0: no limit
}

var units = []struct {
	suffix string
	factor int64
}{{"GIB", 1 << 30}, {"MIB", 1 << 20}, {"KIB", 1 << 10}, {"B", 1}, {"", 1}}

var errSize = errors.New("expected bytes, such as 512, 64KiB, 16MiB or 1GiB")

// Set takes a whole, positive number and a unit, in upper or lower case.
func (v *Size) Set(s string) error {
	if v.Optional && s == "none" {
		v.Bytes = None
		return nil
	}
	up := strings.ToUpper(strings.TrimSpace(s))
	for _, u := range units {
		digits, ok := strings.CutSuffix(up, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err != nil || n <= 0 || n > math.MaxInt64/u.factor {
			break
		}
		if n *= u.factor; v.Max > 0 && n > v.Max {
			return errors.New("expected at most " + (&Size{Bytes: v.Max}).String())
		}
		if n < v.Min {
			return errors.New("expected at least " + (&Size{Bytes: v.Min}).String())
		}
		v.Bytes = n
		return nil
	}
	return orNone(errSize, v.Optional)
}

// String returns the largest unit that divides the size.
func (v *Size) String() string {
	if v.Bytes < 0 {
		return "none"
	}
	for i, name := range []string{"GiB", "MiB", "KiB"} {
		if f := units[i].factor; v.Bytes >= f && v.Bytes%f == 0 {
			return strconv.FormatInt(v.Bytes/f, 10) + name
		}
	}
	return strconv.FormatInt(v.Bytes, 10)
}

// Type is the word for the value in help.
func (*Size) Type() string { return "SIZE" }

// A Count is a whole number from 1 up, or "none" if Optional.
type Count struct {
	N        int
	Optional bool
	Max      int // 0: no limit
}

var errCount = errors.New("expected a whole number from 1 up")

// Set parses the number.
func (v *Count) Set(s string) error {
	if v.Optional && s == "none" {
		v.N = None
		return nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return orNone(errCount, v.Optional)
	}
	if v.Max > 0 && n > v.Max {
		return fmt.Errorf("expected at most %d", v.Max)
	}
	v.N = n
	return nil
}

func (v *Count) String() string {
	if v.N <= 0 {
		return "none"
	}
	return strconv.Itoa(v.N)
}

// Type is the word for the value in help.
func (*Count) Type() string { return "N" }

// A Span is a positive duration such as "30s" or "1m30s", or "none" if
// Optional. "0s" is one only if Zero.
type Span struct {
	D        time.Duration
	Optional bool
	Zero     bool
}

var errSpan = errors.New(`expected a time with its unit, such as 500ms, 30s or 1m30s`)

// Set parses the duration.
func (v *Span) Set(s string) error {
	if v.Optional && s == "none" {
		v.D = None
		return nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || d == 0 && !v.Zero {
		return orNone(errSpan, v.Optional)
	}
	v.D = d
	return nil
}

func (v *Span) String() string {
	if v.D < 0 {
		return "none"
	}
	s := v.D.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	return s
}

// Type is the word for the value in help.
func (*Span) Type() string { return "TIME" }

// A Port is a TCP port; 0 lets the system choose one.
type Port uint16

// Set parses the port number.
func (v *Port) Set(s string) error {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return errors.New("expected a port from 0 (the system chooses) to 65535")
	}
	*v = Port(n)
	return nil
}

func (v *Port) String() string { return strconv.Itoa(int(*v)) }

// Type is the word for the value in help.
func (*Port) Type() string { return "PORT" }

// An OptionalPort is a TCP port, 0 to let the system choose one, or "none".
type OptionalPort struct{ N int }

// Set parses the port number.
func (v *OptionalPort) Set(s string) error {
	if s == "none" {
		v.N = None
		return nil
	}
	var p Port
	if err := p.Set(s); err != nil {
		return orNone(err, true)
	}
	v.N = int(p)
	return nil
}

func (v *OptionalPort) String() string {
	if v.N < 0 {
		return "none"
	}
	return strconv.Itoa(v.N)
}

// Type is the word for the value in help.
func (*OptionalPort) Type() string { return "PORT" }

// A Switch is on or off. Inverse makes it the flag that switches Target off.
type Switch struct {
	Target  *bool
	Inverse bool
}

// Set knows 1, true, yes, on and 0, false, no, off.
func (v *Switch) Set(s string) error {
	switch strings.ToLower(s) {
	case "1", "true", "yes", "on":
		*v.Target = !v.Inverse
	case "0", "false", "no", "off":
		*v.Target = v.Inverse
	default:
		return errors.New("expected true, yes, on, 1 or false, no, off, 0")
	}
	return nil
}

func (v *Switch) String() string {
	return strconv.FormatBool(v.Target != nil && *v.Target != v.Inverse)
}

// Type is the word for the value in help.
func (*Switch) Type() string { return "bool" }

// A Choice is one of a few words.
type Choice struct {
	Word  string
	Words []string
}

// Set takes one of Words, in upper or lower case.
func (v *Choice) Set(s string) error {
	w := strings.ToLower(s)
	if !slices.Contains(v.Words, w) {
		return errors.New("expected " + oneOf(v.Words))
	}
	v.Word = w
	return nil
}

func (v *Choice) String() string { return v.Word }

// Type is the word for the value in help.
func (v *Choice) Type() string { return strings.Join(v.Words, "|") }

// A List gathers the values of a flag that may be repeated; the first one
// given replaces the default. Kind is the word for an item in help.
type List struct {
	Items []string
	Kind  string
	Check func(item string) error // may be nil

	given bool
}

// Set checks and adds one item.
func (v *List) Set(s string) error {
	if v.Check != nil {
		if err := v.Check(s); err != nil {
			return err
		}
	}
	if !v.given {
		v.Items, v.given = nil, true
	}
	v.Items = append(v.Items, s)
	return nil
}

func (v *List) String() string { return strings.Join(v.Items, ",") }

// Type is the word for the value in help.
func (v *List) Type() string { return v.Kind }

func oneOf(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

func orNone(err error, optional bool) error {
	if optional {
		return fmt.Errorf("%w, or none", err)
	}
	return err
}

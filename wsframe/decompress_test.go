package wsframe

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

// deflated compresses with the standard library, and takes the tail off.
func deflated(text string, history string) []byte {
	var b bytes.Buffer
	w, err := flate.NewWriterDict(&b, 6, []byte(history))
	if err != nil {
		panic(err)
	}
	io.WriteString(w, text)
	w.Flush()
	return b.Bytes()[:b.Len()-4]
}

// inflateWays are both ways in, and pieces of all sizes for the second.
var inflateWays = map[string]func(d *Decompressor, payload []byte) ([]byte, error){
	"Append": func(d *Decompressor, payload []byte) ([]byte, error) {
		out, err := d.Append([]byte("kept"), payload)
		return out[4:], err
	},
	"Append with room": func(d *Decompressor, payload []byte) ([]byte, error) {
		out, err := d.Append(make([]byte, 4, 1<<12), payload)
		return out[4:], err
	},
	"Read": func(d *Decompressor, payload []byte) ([]byte, error) {
		d.Open(bytes.NewReader(payload))
		return io.ReadAll(d)
	},
	"Read octets": func(d *Decompressor, payload []byte) ([]byte, error) {
		d.Open(iotest.OneByteReader(bytes.NewReader(payload)))
		return io.ReadAll(iotest.OneByteReader(d))
	},
	"Read with early EOF": func(d *Decompressor, payload []byte) ([]byte, error) {
		d.Open(iotest.DataErrReader(bytes.NewReader(payload)))
		return io.ReadAll(iotest.HalfReader(d))
	},
}

func forInflateWays(t *testing.T, test func(*testing.T, func(d *Decompressor, payload []byte) ([]byte, error))) {
	for name, way := range inflateWays {
		t.Run(name, func(t *testing.T) { test(t, way) })
	}
}

// The messages of RFC 7692 section 7.2.3, one after the other.
func TestDecompressor_rfc(t *testing.T) {
	forInflateWays(t, func(t *testing.T, inflate func(*Decompressor, []byte) ([]byte, error)) {
		d := NewDecompressor(Window{})
		for _, v := range []struct{ section, payload, want string }{
			{"7.2.3.1", "\xf2\x48\xcd\xc9\xc9\x07\x00", "Hello"},
			{"7.2.3.2", "\xf2\x00\x11\x00\x00", "Hello"},
			{"7.2.3.3", "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", "Hello"},
			{"7.2.3.4", "\xf3\x48\xcd\xc9\xc9\x07\x00\x00", "Hello"},
			{"7.2.3.5", "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", "Hello"},
			{"7.2.3.6", "\x00", ""},
			{"7.2.3.2 again", "\xf2\x00\x11\x00\x00", "Hello"},
			{"two final blocks", "\xf3\x48\xcd\xc9\xc9\x07\x00\xf3\x48\xcd\xc9\xc9\x07\x00\x00", "HelloHello"},
			{"a final block, then the window", "\xf3\x48\xcd\xc9\xc9\x07\x00\xf2\x00\x11\x00\x00", "HelloHello"},
			{"final block without another behind", "\xf3\x48\xcd\xc9\xc9\x07\x00", "Hello"},
			{"nothing", "", ""},
		} {
			got, err := inflate(d, []byte(v.payload))
			if err != nil || string(got) != v.want {
				t.Errorf("%s: %q, %v; want %q", v.section, got, err, v.want)
			}
		}
	})
}

// The dictionary is there with takeover, in full size, and is not without.
func TestDecompressor_takeover(t *testing.T) {
	var long strings.Builder
	for i := range 20000 {
		long.WriteByte(byte(i*i>>3 ^ i))
	}
	earlier := long.String() + strings.Repeat("0123456789", 2000) // over 32 KiB together
	text := long.String()[8000:9000]
	forInflateWays(t, func(t *testing.T, inflate func(*Decompressor, []byte) ([]byte, error)) {
		for _, no := range []bool{false, true} {
			d := NewDecompressor(Window{NoContextTakeover: no})
			for i := 0; i < len(earlier); i += 7777 {
				part := earlier[i:min(len(earlier), i+7777)]
				if got, err := inflate(d, deflated(part, "")); err != nil || string(got) != part {
					t.Fatal(err)
				}
			}
			got, err := inflate(d, deflated(text, earlier))
			if no && err != ErrInflate || !no && (err != nil || string(got) != text) {
				t.Errorf("no takeover %v: %d octets, %v", no, len(got), err)
			}
			if no && d.history.octets != nil || cap(d.history.octets) > 40<<10 {
				t.Errorf("no takeover %v: keeps %d octets", no, cap(d.history.octets))
			}
		}
	})
}

func TestDecompressor_damaged(t *testing.T) {
	good := deflated(strings.Repeat("The quick brown fox jumps over the lazy dog. ", 50), "")
	forInflateWays(t, func(t *testing.T, inflate func(*Decompressor, []byte) ([]byte, error)) {
		for name, payload := range map[string][]byte{
			"block type 3":         []byte("\x06"),
			"stored length":        []byte("\x00\x05\x00\xfa\xfeHello\x00"),
			"stored, cut":          []byte("\x00\x05\x00\xfa\xffHel"),
			"distance too far":     []byte("\xf2\x00\x11\x00\x00"),
			"cut":                  good[:len(good)/2],
			"bad trailer":          append(bytes.Clone(good), "\xde\xad\xbe\xef"...),
			"tail not taken off":   append(bytes.Clone(good), "\x00\x00\xff\xff\x00\x00\xff\xff\xff"...),
			"ends in a code table": []byte("\x04\xc0\x81"),
			"many final blocks":    append(bytes.Repeat([]byte("\x03\x00"), maxFinalBlocks+1), 0),
			"octet lost":           append(bytes.Clone(good[:20]), good[21:]...),
		} {
			if got, err := inflate(NewDecompressor(Window{}), payload); err != ErrInflate {
				t.Errorf("%s: %d octets, %v", name, len(got), err)
			}
		}
		if _, err := inflate(NewDecompressor(Window{}), append(bytes.Repeat([]byte("\x03\x00"), maxFinalBlocks), 0)); err != nil {
			t.Errorf("as many final blocks as may be: %v", err)
		}
	})
}

// A message has MaxMessage octets, or it is too big; no more are ever written.
func TestDecompressor_maxMessage(t *testing.T) {
	forInflateWays(t, func(t *testing.T, inflate func(*Decompressor, []byte) ([]byte, error)) {
		for _, n := range []int{1, 2, 511, 512, 513, 1000, 10000} {
			payload := deflated(strings.Repeat("x", n), "")
			for _, limit := range []int{1, n - 1, n, n + 1, 0} {
				if limit < 0 {
					continue
				}
				d := NewDecompressor(Window{})
				d.MaxMessage = limit
				want := error(nil)
				if limit > 0 && n > limit {
					want = ErrMessageTooBig
				}
				got, err := inflate(d, payload)
				if err != want || want == nil && len(got) != n || limit > 0 && len(got) > limit {
					t.Errorf("%d octets, limit %d: %d octets, %v; want %v", n, limit, len(got), err, want)
				}
			}
		}
	})
	t.Run("memory behind the limit", func(t *testing.T) {
		d := NewDecompressor(Window{})
		d.MaxMessage = 100
		room := bytes.Repeat([]byte("-"), 1000)
		out, err := d.Append(room[:10], deflated(strings.Repeat("x", 500), ""))
		if err != ErrMessageTooBig || len(out) != 110 || bytes.Count(room, []byte("-")) != 900 {
			t.Errorf("%d octets, %d untouched, %v", len(out), bytes.Count(room, []byte("-")), err)
		}
	})
}

func TestDecompressor_maxRatio(t *testing.T) {
	forInflateWays(t, func(t *testing.T, inflate func(*Decompressor, []byte) ([]byte, error)) {
		for _, c := range []struct {
			n, ratio int
			want     error
		}{
			{1 << 20, 2, nil}, // short: any ratio
			{1<<20 + 1, 2, ErrRatio},
			{2 << 20, 100, ErrRatio},
			{2 << 20, 1100, nil}, // more than DEFLATE can do
			{2 << 20, 0, nil},
		} {
			d := NewDecompressor(Window{})
			d.MaxRatio = c.ratio
			got, err := inflate(d, deflated(strings.Repeat("x", c.n), ""))
			if err != c.want || err == nil && len(got) != c.n {
				t.Errorf("%d octets, ratio %d: %d, %v", c.n, c.ratio, len(got), err)
			}
		}
	})
}

// A message of 16 MiB that comes as 16 KiB costs as much memory as the limit says.
func TestDecompressor_bombMemory(t *testing.T) {
	payload := deflated(strings.Repeat("\x00", 16<<20), "")
	for name, inflate := range inflateWays {
		if strings.Contains(name, "octets") {
			continue
		}
		d := NewDecompressor(Window{})
		d.MaxMessage = 64 << 10
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := inflate(d, payload); err != ErrMessageTooBig {
			t.Errorf("%s: %v", name, err)
		}
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
			t.Errorf("%s: allocated %d octets", name, used)
		}
	}
}

var errNetwork = errors.New("connection reset")

// What src returns comes out as it is, after what came before.
func TestDecompressor_sourceError(t *testing.T) {
	d := NewDecompressor(Window{})
	d.Open(io.MultiReader(bytes.NewReader([]byte("\xf2\x48\xcd")), iotest.ErrReader(errNetwork)))
	got, err := io.ReadAll(d)
	if err != errNetwork || len(got) > 5 {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := d.Read(make([]byte, 1)); err != errNetwork {
		t.Errorf("then %v", err)
	}
}

// After the end of a message, and before the first, there is nothing to read.
func TestDecompressor_order(t *testing.T) {
	d := NewDecompressor(Window{NoContextTakeover: true})
	p := make([]byte, 100)
	if n, err := d.Read(p); n != 0 || err != io.EOF {
		t.Errorf("before Open: %d, %v", n, err)
	}
	d.Open(strings.NewReader("\xf2\x48\xcd\xc9\xc9\x07\x00"))
	if n, err := d.Read(nil); n != 0 || err != nil {
		t.Errorf("into nothing: %d, %v", n, err)
	}
	if n, err := io.ReadFull(d, p[:2]); n != 2 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	d.Reset()
	for range 2 {
		d.Open(strings.NewReader("\xf2\x48\xcd\xc9\xc9\x07\x00"))
		if got, err := io.ReadAll(d); string(got) != "Hello" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		if n, err := d.Read(p); n != 0 || err != io.EOF {
			t.Errorf("behind the end: %d, %v", n, err)
		}
	}
}

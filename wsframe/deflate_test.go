package wsframe

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func window(bits int, noTakeover bool) Window { return Window{bits, noTakeover} }

// Offers and answers, those of RFC 7692 section 7.1 first.
func TestNegotiate(t *testing.T) {
	const name = Extension
	small := Deflate{Server: window(10, false), Client: window(9, false)}
	none := Deflate{Server: window(0, true), Client: window(0, true)}
	for _, c := range []struct {
		name   string
		want   Deflate
		fields []string
		agreed Deflate
		answer string
		err    error
	}{
		{"7.1.1 plain", Deflate{}, []string{name}, Deflate{window(15, false), window(15, false)}, name, nil},
		{"7.1.1.1", Deflate{}, []string{name + "; server_no_context_takeover"}, Deflate{window(15, true), window(15, false)}, name + "; server_no_context_takeover", nil},
		{"7.1.1.2", Deflate{}, []string{name + "; client_no_context_takeover"}, Deflate{window(15, false), window(15, true)}, name + "; client_no_context_takeover", nil},
		{"7.1.2.1", Deflate{}, []string{name + "; server_max_window_bits=10"}, Deflate{window(10, false), window(15, false)}, name + "; server_max_window_bits=10", nil},
		{"7.1.2.1 quoted", Deflate{}, []string{name + `; server_max_window_bits="10"`}, Deflate{window(10, false), window(15, false)}, name + "; server_max_window_bits=10", nil},
		{"7.1.2.1 of 15", Deflate{}, []string{name + "; server_max_window_bits=15"}, Deflate{window(15, false), window(15, false)}, name + "; server_max_window_bits=15", nil},
		{"7.1.2.1 of 8", Deflate{}, []string{name + "; server_max_window_bits=8"}, Deflate{window(8, false), window(15, false)}, name + "; server_max_window_bits=8", nil},
		{"7.1.2.2", Deflate{}, []string{name + "; client_max_window_bits"}, Deflate{window(15, false), window(15, false)}, name, nil},
		{"7.1.2.2 of 8", Deflate{}, []string{name + "; client_max_window_bits=8"}, Deflate{window(15, false), window(8, false)}, name + "; client_max_window_bits=8", nil},
		{"7.1.3 two offers", Deflate{}, []string{name + "; client_max_window_bits; server_max_window_bits=10, " + name + "; client_max_window_bits"},
			Deflate{window(10, false), window(15, false)}, name + "; server_max_window_bits=10", nil},
		{"two fields", Deflate{}, []string{"x-other; a=b", name + "; server_max_window_bits=9"}, Deflate{window(9, false), window(15, false)}, name + "; server_max_window_bits=9", nil},
		{"second offer, the first has an unknown parameter", Deflate{}, []string{name + "; mode=fast, " + name}, Deflate{window(15, false), window(15, false)}, name, nil},
		{"empty elements", Deflate{}, []string{" , ,\t" + name + " ;  server_max_window_bits = 9 ,,"}, Deflate{window(9, false), window(15, false)}, name + "; server_max_window_bits=9", nil},

		{"small, all offered", small, []string{name + "; client_max_window_bits"}, small, name + "; server_max_window_bits=10; client_max_window_bits=9", nil},
		{"small, less offered", small, []string{name + "; client_max_window_bits=8; server_max_window_bits=8"}, Deflate{window(8, false), window(8, false)}, name + "; server_max_window_bits=8; client_max_window_bits=8", nil},
		{"small, client cannot", small, []string{name}, Deflate{window(10, false), window(15, true)}, name + "; client_no_context_takeover; server_max_window_bits=10", nil},
		{"no takeover", none, []string{name + "; client_max_window_bits"}, Deflate{window(15, true), window(15, true)}, name + "; server_no_context_takeover; client_no_context_takeover", nil},

		{"no field", Deflate{}, nil, Deflate{}, "", ErrNotOffered},
		{"empty field", Deflate{}, []string{""}, Deflate{}, "", ErrNotOffered},
		{"others", Deflate{}, []string{"x-webkit-deflate-frame, Permessage-Deflate"}, Deflate{}, "", ErrNotOffered},
		{"unknown parameter", Deflate{}, []string{name + "; foo"}, Deflate{}, "", ErrNotAcceptable},
		{"twice", Deflate{}, []string{name + "; server_no_context_takeover; server_no_context_takeover"}, Deflate{}, "", ErrNotAcceptable},
		{"twice with values", Deflate{}, []string{name + "; client_max_window_bits; client_max_window_bits=10"}, Deflate{}, "", ErrNotAcceptable},
		{"value of a flag", Deflate{}, []string{name + "; server_no_context_takeover=1"}, Deflate{}, "", ErrNotAcceptable},
		{"value of a flag", Deflate{}, []string{name + "; client_no_context_takeover=true"}, Deflate{}, "", ErrNotAcceptable},
		{"no value", Deflate{}, []string{name + "; server_max_window_bits"}, Deflate{}, "", ErrNotAcceptable},
		{"7", Deflate{}, []string{name + "; server_max_window_bits=7"}, Deflate{}, "", ErrNotAcceptable},
		{"16", Deflate{}, []string{name + "; server_max_window_bits=16"}, Deflate{}, "", ErrNotAcceptable},
		{"08", Deflate{}, []string{name + "; server_max_window_bits=08"}, Deflate{}, "", ErrNotAcceptable},
		{"+9", Deflate{}, []string{name + "; client_max_window_bits=+9"}, Deflate{}, "", ErrNotAcceptable},
		{"150", Deflate{}, []string{name + "; client_max_window_bits=150"}, Deflate{}, "", ErrNotAcceptable},
		{"both bad", Deflate{}, []string{name + "; foo", name + "; server_max_window_bits=1"}, Deflate{}, "", ErrNotAcceptable},

		{"no token", Deflate{}, []string{"=x"}, Deflate{}, "", ErrExtensionSyntax},
		{"empty parameter", Deflate{}, []string{name + ";"}, Deflate{}, "", ErrExtensionSyntax},
		{"empty value", Deflate{}, []string{name + "; server_max_window_bits="}, Deflate{}, "", ErrExtensionSyntax},
		{"empty quoted value", Deflate{}, []string{name + `; server_max_window_bits=""`}, Deflate{}, "", ErrExtensionSyntax},
		{"open quote", Deflate{}, []string{name + `; server_max_window_bits="10`}, Deflate{}, "", ErrExtensionSyntax},
		{"no token in quotes", Deflate{}, []string{name + `; server_max_window_bits="1 0"`}, Deflate{}, "", ErrExtensionSyntax},
		{"two words", Deflate{}, []string{name + " foo"}, Deflate{}, "", ErrExtensionSyntax},
		{"control", Deflate{}, []string{name + "\x00"}, Deflate{}, "", ErrExtensionSyntax},
		{"bad after good", Deflate{}, []string{name + ", /"}, Deflate{}, "", ErrExtensionSyntax},
		{"too many", Deflate{}, []string{strings.Repeat("x,", maxExtensions+1)}, Deflate{}, "", ErrExtensionSyntax},
		{"too many parameters", Deflate{}, []string{name + strings.Repeat(";a", maxParams+1)}, Deflate{}, "", ErrExtensionSyntax},
	} {
		agreed, answer, err := c.want.Negotiate(c.fields)
		if agreed != c.agreed || answer != c.answer || err != c.err {
			t.Errorf("%s: %+v, %q, %v; want %+v, %q, %v", c.name, agreed, answer, err, c.agreed, c.answer, c.err)
		}
	}
}

func TestAccept(t *testing.T) {
	const name = Extension
	small := Deflate{Server: window(10, true), Client: window(9, false)}
	for _, c := range []struct {
		name   string
		want   Deflate
		answer []string
		agreed Deflate
		ok     bool
		err    error
	}{
		{"declined", Deflate{}, nil, Deflate{}, false, nil},
		{"plain", Deflate{}, []string{name}, Deflate{window(15, false), window(15, false)}, true, nil},
		{"all", Deflate{}, []string{name + "; server_max_window_bits=9; client_max_window_bits=10; server_no_context_takeover; client_no_context_takeover"}, Deflate{window(9, true), window(10, true)}, true, nil},
		{"small", small, []string{name + "; server_no_context_takeover; server_max_window_bits=10"}, Deflate{window(10, true), window(9, false)}, true, nil},
		{"no takeover ignored", small, []string{name + "; server_max_window_bits=10"}, Deflate{}, false, ErrAnswer},
		{"window ignored", small, []string{name + "; server_no_context_takeover"}, Deflate{}, false, ErrAnswer},
		{"window too large", small, []string{name + "; server_no_context_takeover; server_max_window_bits=11"}, Deflate{}, false, ErrAnswer},
		{"bits without value", Deflate{}, []string{name + "; client_max_window_bits"}, Deflate{}, false, ErrAnswer},
		{"unknown parameter", Deflate{}, []string{name + "; x"}, Deflate{}, false, ErrAnswer},
		{"another extension", Deflate{}, []string{"x"}, Deflate{}, false, ErrAnswer},
		{"two", Deflate{}, []string{name, name}, Deflate{}, false, ErrAnswer},
		{"malformed", Deflate{}, []string{";"}, Deflate{}, false, ErrExtensionSyntax},
	} {
		agreed, ok, err := c.want.Accept(c.answer)
		if agreed != c.agreed || ok != c.ok || err != c.err {
			t.Errorf("%s: %+v, %v, %v; want %+v, %v, %v", c.name, agreed, ok, err, c.agreed, c.ok, c.err)
		}
	}
}

// Whatever a client and a server want, they agree, on the same, within both.
func TestNegotiate_both(t *testing.T) {
	draw := func(t *rapid.T, name string) Window {
		bits := rapid.IntRange(7, 15).Draw(t, name)
		if bits == 7 {
			bits = 0
		}
		return window(bits, rapid.Bool().Draw(t, name))
	}
	rapid.Check(t, func(t *rapid.T) {
		client := Deflate{draw(t, "server, client says"), draw(t, "client, client says")}
		server := Deflate{draw(t, "server, server says"), draw(t, "client, server says")}
		theirs, answer, err := server.Negotiate([]string{client.Offer()})
		if err != nil {
			t.Fatalf("%q: %v", client.Offer(), err)
		}
		ours, ok, err := client.Accept([]string{answer})
		if err != nil || !ok || ours.Server != theirs.Server {
			t.Fatalf("%q, %q: %+v and %+v, %v", client.Offer(), answer, theirs, ours, err)
		}
		if ours.Client.MaxBits > theirs.Client.MaxBits || theirs.Client.NoContextTakeover && !ours.Client.NoContextTakeover {
			t.Fatalf("%q, %q: the client does %+v, the server expects %+v", client.Offer(), answer, ours.Client, theirs.Client)
		}
		for _, d := range []Deflate{client, server} {
			if theirs.Server.bits() > d.Server.bits() || theirs.Client.bits() > d.Client.bits() {
				t.Fatalf("%+v is over what %+v wants", theirs, d)
			}
		}
	})
}

func TestDeflate_validate(t *testing.T) {
	for bits := -1; bits < 18; bits++ {
		want := bits == 0 || bits >= 8 && bits <= 15
		for _, d := range []Deflate{{Server: window(bits, false)}, {Client: window(bits, true)}} {
			if err := d.Validate(); (err == nil) != want || err != nil && err != ErrWindowBits {
				t.Errorf("%+v: %v", d, err)
			}
		}
	}
}

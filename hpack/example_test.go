package hpack_test

import (
	"errors"
	"fmt"

	"github.com/hyperion-server/hyperion/hpack"
)

func Example() {
	encoder := hpack.NewEncoder()
	decoder := hpack.NewDecoder(hpack.DefaultTableSize)
	var block, arena []byte
	var fields []hpack.HeaderField
	for range 2 {
		block = encoder.AppendBegin(block[:0])
		block = encoder.AppendString(block, ":status", "200", hpack.Index)
		block = encoder.AppendString(block, "server", "example", hpack.Index)
		block = encoder.AppendString(block, "set-cookie", "id=4711", hpack.Index)
		fmt.Printf("%x\n", block)

		var err error
		arena, fields, err = decoder.Decode(arena[:0], fields[:0], block)
		if err != nil {
			fmt.Println(err)
		}
	}
	for _, f := range fields {
		fmt.Printf("%s: %s (sensitive: %v)\n", f.Name, f.Value, f.Sensitive)
	}
	// Output:
	// 8876852f91d35d051f2885349034e843
	// 88be1f2885349034e843
	// :status: 200 (sensitive: false)
	// server: example (sensitive: false)
	// set-cookie: id=4711 (sensitive: true)
}

// A block of literals is good on every connection, so it can be made once.
func ExampleAppendStateless() {
	var page []byte
	page = hpack.AppendStateless(page, ":status", "200")
	page = hpack.AppendStateless(page, "content-type", "text/plain")

	_, fields, err := hpack.NewDecoder(0).Decode(nil, nil, page)
	for _, f := range fields {
		fmt.Printf("%s: %s\n", f.Name, f.Value)
	}
	fmt.Println(err)
	// Output:
	// :status: 200
	// content-type: text/plain
	// <nil>
}

// A list over the limit is answered with a 431; the connection goes on.
func ExampleDecoder_SetMaxListSize() {
	decoder := hpack.NewDecoder(hpack.DefaultTableSize)
	decoder.SetMaxListSize(100)
	var block []byte
	for range 3 {
		block = hpack.AppendStateless(block, "cookie", "id=47110815471108154711")
	}
	_, fields, err := decoder.Decode(nil, nil, block)
	fmt.Println(len(fields), err, err == hpack.ErrListTooLong)
	// Output:
	// 1 hpack: header list over the limit true
}

// A decoder and its arena live as long as the connection. Fields are good until
// the arena is used again, so what outlives the request is copied.
func ExampleDecoder() {
	decoder := hpack.NewDecoder(hpack.DefaultTableSize)
	decoder.SetMaxListSize(16 << 10)
	arena, fields := make([]byte, 0, 4096), make([]hpack.HeaderField, 0, 64)

	blocks := []string{"\x82\x86\x84\x41\x0fwww.example.com", "\x82\x86\x84\xbe\x58\x08no-cache"}
	for _, block := range blocks {
		var err error
		arena, fields, err = decoder.Decode(arena[:0], fields[:0], []byte(block))
		switch {
		case errors.Is(err, hpack.ErrListTooLong):
			fmt.Println("answer 431")
		case err != nil:
			fmt.Println("end the connection with COMPRESSION_ERROR")
			return
		}
		for _, f := range fields {
			fmt.Printf("%s: %s\n", f.Name, f.Value)
		}
	}
	// Output:
	// :method: GET
	// :scheme: http
	// :path: /
	// :authority: www.example.com
	// :method: GET
	// :scheme: http
	// :path: /
	// :authority: www.example.com
	// cache-control: no-cache
}

// The peer's SETTINGS_HEADER_TABLE_SIZE bounds the table, and so does the user,
// whose memory it takes. The next block tells the peer.
func ExampleEncoder() {
	encoder := hpack.NewEncoder()
	encoder.SetMaxTableSizeLimit(1024)
	encoder.SetMaxTableSize(65536)
	for range 2 {
		block := encoder.AppendBegin(nil)
		block = encoder.AppendString(block, ":status", "200", hpack.Index)
		block = encoder.AppendString(block, "vary", "origin", hpack.Index)
		fmt.Printf("%x\n", block)
	}
	// Output:
	// 3fe107887b853d8698d57f
	// 88be
}

// A Sensitive field stays out of all tables on its way.
func ExampleHeaderField() {
	encoder := hpack.NewEncoder()
	block := encoder.AppendBegin(nil)
	f := hpack.HeaderField{Name: []byte("x-api-key"), Value: []byte("4711"), Sensitive: true}
	block = encoder.AppendField(block, f)

	_, fields, err := hpack.NewDecoder(hpack.DefaultTableSize).Decode(nil, nil, block)
	fmt.Printf("%s=%s, sensitive: %v, counts %d, %v\n",
		fields[0].Name, fields[0].Value, fields[0].Sensitive, fields[0].Size(), err)
	// Output:
	// x-api-key=4711, sensitive: true, counts 45, <nil>
}

// What comes again is worth an entry of the table. The second block has an
// octet for that, and the others as they were.
func ExampleIndexing() {
	encoder := hpack.NewEncoder()
	for range 2 {
		block := encoder.AppendBegin(nil)
		for _, ix := range []hpack.Indexing{hpack.Index, hpack.NoIndex, hpack.NeverIndex} {
			block = encoder.AppendString(block, "x-"+string(rune('a'+ix)), "1", ix)
		}
		fmt.Printf("%x\n", block)
	}
	// Output:
	// 4003782d6101310003782d6201311003782d630131
	// be0003782d6201311003782d630131
}

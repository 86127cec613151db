package hpack_test

import (
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

package h2

import "testing"

// TestConnectionErrors has frames that end the connection, as bytes, and the code that they
// end it with. Stream 1 is open.
func TestConnectionErrors(t *testing.T) {
	for _, tc := range []struct{ name, raw, code string }{
		// RFC 9113 §5.1: streams of even number are idle, since the server opens none.
		{"DATA on stream 2", "000000 00 00 00000002", "PROTOCOL_ERROR"},
		{"RST_STREAM of stream 2", "000004 03 00 00000002 00000008", "PROTOCOL_ERROR"},
		{"WINDOW_UPDATE of stream 2", "000004 08 00 00000002 00000001", "PROTOCOL_ERROR"},
		{"DATA on stream 5", "000000 00 00 00000005", "PROTOCOL_ERROR"},
		{"RST_STREAM of stream 5", "000004 03 00 00000005 00000008", "PROTOCOL_ERROR"},
		{"WINDOW_UPDATE of stream 5", "000004 08 00 00000005 00000001", "PROTOCOL_ERROR"},
		// §6.4, §6.5, §6.7, §6.9: the header tells that the length is wrong.
		{"header of RST_STREAM of 65536 bytes", "010000 03 00 00000001", "FRAME_SIZE_ERROR"},
		{"header of PING of 9 bytes", "000009 06 00 00000000", "FRAME_SIZE_ERROR"},
		{"header of PING of 65536 bytes", "010000 06 00 00000000", "FRAME_SIZE_ERROR"},
		{"header of SETTINGS of 7 bytes", "000007 04 00 00000000", "FRAME_SIZE_ERROR"},
		{"header of SETTINGS of 65 settings", "000186 04 00 00000000", "ENHANCE_YOUR_CALM"},
		{"header of WINDOW_UPDATE of 5 bytes", "000005 08 00 00000001", "FRAME_SIZE_ERROR"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			run(t, site, func(b *bench) {
				s := b.greet("")
				s.talk("> HEADERS 3 | :method POST | :scheme http | :authority a | :path /echo\n> RAW " + tc.raw + "\n< GOAWAY 3 " + tc.code + "\n< CLOSED")
			})
		})
	}
}

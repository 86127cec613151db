package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// steady are the fields of varied that are the same in every answer.
var steady = [][2]string{
	{"Content-Type", "application/json"},
	{"Cache-Control", "max-age=0, private, must-revalidate"},
	{"Referrer-Policy", "strict-origin-when-cross-origin"},
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "SAMEORIGIN"},
	{"X-Permitted-Cross-Domain-Policies", "none"},
	{"X-Xss-Protection", "0"},
	{"X-Download-Options", "noopen"},
	{"Strict-Transport-Security", "max-age=63072000; includeSubDomains"},
	{"Content-Security-Policy", "default-src 'self'; img-src 'self' data:; object-src 'none'"},
	{"Permissions-Policy", "camera=(), microphone=(), geolocation=()"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"Vary", "Accept, Origin"},
	{"Access-Control-Allow-Origin", "*"},
	{"Access-Control-Expose-Headers", "x-request-id"},
	{"Link", "</assets/application.css>; rel=preload; as=style"},
}

// A record is the body of varied.
type record struct {
	ID    string `json:"id"`
	Kind  string `json:"kind"`
	Name  string `json:"name"`
	Email string `json:"email"`
	Note  string `json:"note"`
}

// varied answers as a web framework does: JSON of 200 bytes with 22 fields, of
// which six are another at each request, and those that the server adds.
func varied(w http.ResponseWriter, _ *http.Request) {
	id := fmt.Sprintf("%016x%016x", rand.Uint64(), rand.Uint64())
	now := strconv.FormatFloat(float64(time.Now().UnixMilli())/1000, 'f', 3, 64)
	h := w.Header()
	for _, f := range steady {
		h.Set(f[0], f[1])
	}
	h.Set("Etag", `W/"`+id+`"`)
	h.Set("X-Request-Id", id)
	h.Set("X-Trace-Id", "1-"+id)
	h.Set("X-Runtime", now)
	h.Set("Server-Timing", "app;dur="+now)
	h.Set("Set-Cookie", "session="+id+"; path=/; secure; HttpOnly")
	json.NewEncoder(w).Encode(record{id, "person", "Jane Q. Public", "jane.public@example.com", "Answered for this request and no other one: the next one has another id."})
}

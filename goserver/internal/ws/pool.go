package ws

import (
	"sync"

	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// classes are the sizes of pooled memory, in bytes.
var classes = [...]int{4 << 10, 16 << 10, 64 << 10, 128 << 10, 256 << 10, 1 << 20}

var pools [len(classes)]sync.Pool

// take returns empty memory for at least n bytes.
func take(n int) *[]byte {
	for i, size := range classes {
		if n > size {
			continue
		}
		if p, ok := pools[i].Get().(*[]byte); ok {
			return p
		}
		b := make([]byte, 0, size)
		return &b
	}
	b := make([]byte, 0, n)
	return &b
}

// give gives memory back. Nobody may use it any more.
func give(p *[]byte) {
	b := *p
	semantics.Poison(b[:cap(b)])
	for i, size := range classes {
		if cap(b) == size {
			*p = b[:0]
			pools[i].Put(p)
		}
	}
}

// grow returns memory with what p has and room for n bytes more, and gives p back if
// that is other memory.
func grow(p *[]byte, n int) *[]byte {
	b := *p
	if cap(b)-len(b) >= n {
		return p
	}
	q := take(max(len(b)+n, 2*cap(b)))
	*q = append(*q, b...)
	give(p)
	return q
}

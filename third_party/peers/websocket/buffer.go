package main

import (
	"bytes"
	"sync"
)

// A buffer holds a message while it is handled.
type buffer struct{ bytes.Buffer }

var buffers = sync.Pool{New: func() any { return new(buffer) }}

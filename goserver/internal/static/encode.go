package static

import (
	"bytes"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/hyperion-server/hyperion/pagecache"
)

// encoders code whole files at the best level. They are kept from file to file
// where that saves memory. The zero value is ready.
type encoders struct {
	gzip   *gzip.Writer
	zstd   *zstd.Encoder
	brotli [maxKeptWindow + 1]*brotli.Writer // by the size of the window, as a power of two
}

// maxKeptWindow is that of encoders for files of 64 KiB, which have some 6 MiB.
// Larger ones are made for each file.
const maxKeptWindow = 17

// encode returns src in a coding. It works in parts that step runs; ok is false
// when that did not.
func (e *encoders) encode(coding pagecache.Coding, src []byte, step func(func()) bool) (coded []byte, ok bool) {
	switch coding {
	case pagecache.Gzip:
		ok = step(func() { coded = e.encodeGzip(src) })
	case pagecache.Zstd:
		ok = step(func() { coded = e.encodeZstd(src) })
	case pagecache.Brotli:
		coded, ok = e.encodeBrotli(src, step)
	}
	return coded, ok
}

func (e *encoders) encodeGzip(src []byte) []byte {
	if e.gzip == nil {
		e.gzip = must(gzip.NewWriterLevel(nil, gzip.BestCompression))
	}
	var b bytes.Buffer
	e.gzip.Reset(&b)
	e.gzip.Write(src)
	e.gzip.Close()
	return b.Bytes()
}

// encodeZstd stays within the window that clients must have (RFC 9659), as no
// file is larger.
func (e *encoders) encodeZstd(src []byte) []byte {
	if e.zstd == nil {
		e.zstd = must(zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1),
			zstd.WithSingleSegment(true), zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true)))
	}
	return e.zstd.EncodeAll(src, nil)
}

// brotliPart is how many bytes the slowest encoder gets at a time.
const brotliPart = 64 << 10

// encodeBrotli uses the smallest window that the file fits: the encoder's
// memory grows with it.
func (e *encoders) encodeBrotli(src []byte, step func(func()) bool) (coded []byte, ok bool) {
	window := 10
	for 1<<window-16 < len(src) {
		window++
	}
	var b bytes.Buffer
	w := e.brotliWriter(window)
	w.Reset(&b)
	for ok = true; ok && len(src) > 0; {
		part := src[:min(len(src), brotliPart)]
		src = src[len(part):]
		ok = step(func() { w.Write(part) })
	}
	ok = ok && step(func() { w.Close() })
	return b.Bytes(), ok
}

func (e *encoders) brotliWriter(window int) *brotli.Writer {
	if window > maxKeptWindow {
		return newBrotli(window)
	}
	if e.brotli[window] == nil {
		e.brotli[window] = newBrotli(window)
	}
	return e.brotli[window]
}

func newBrotli(window int) *brotli.Writer {
	return brotli.NewWriterOptions(nil, brotli.WriterOptions{Quality: brotli.BestCompression, LGWin: window})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sort"
	"time"
)

// Files of the site that Random asks for, and their sizes in bytes.
const (
	RandomFiles   = 10_000
	RandomMinSize = 1 << 10
	RandomMaxSize = 32 << 10
)

// draws is how many choices are made before they repeat.
const draws = 1 << 20

// A RandomFile is one of the files. The most popular one is the first.
type RandomFile struct {
	Name string // with a slash: a hundred of them share a directory
	Size int64
}

// RandomSite returns the files, always the same. A file's size says nothing
// of its popularity.
func RandomSite() []RandomFile {
	r := rand.New(rand.NewPCG(1, 1))
	files := make([]RandomFile, RandomFiles)
	for i, place := range r.Perm(RandomFiles) {
		files[i] = RandomFile{fmt.Sprintf("%02d/%04d.txt", place/100, place), RandomMinSize + r.Int64N(RandomMaxSize-RandomMinSize+1)}
	}
	return files
}

// zipf returns draws choices of n things, always the same, by Zipf's law: the
// k-th thing is chosen in proportion to 1/k.
func zipf(n int) []uint16 {
	below := make([]float64, n) // sums of the weights up to each thing
	sum := 0.0
	for i := range below {
		sum += 1 / float64(i+1)
		below[i] = sum
	}
	r := rand.New(rand.NewPCG(2, 2))
	chosen := make([]uint16, draws)
	for i := range chosen {
		chosen[i] = uint16(min(n-1, sort.SearchFloat64s(below, r.Float64()*sum)))
	}
	return chosen
}

// Random is KeepAlive with a file of RandomSite in each request, chosen by
// Zipf's law, in the same order on every run. The target's path is that of the
// directory with the files.
func Random(ctx context.Context, t Target, n int, warm, duration time.Duration, pids []int) (Result, error) {
	files := RandomSite()
	all := make([]asked, len(files))
	for i, f := range files {
		one := t
		one.Path += f.Name
		all[i] = asked{one.request(), f.Size}
	}
	t.Path, t.Size = t.Path+files[0].Name, files[0].Size
	chosen, at := zipf(len(files)), -1
	next := func() asked {
		at = (at + 1) % len(chosen)
		return all[chosen[at]]
	}
	return keepAlive(ctx, t, next, n, warm, duration, pids)
}

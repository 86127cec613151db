package pagecache

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// check looks whether the parts of a cache agree: the table, the queues and the budget.
func (c *Cache) check() error {
	var bytes int64
	var entries int
	for i := range c.shards {
		s := &c.shards[i]
		nodes := 0
		for _, q := range []*queue{&s.small, &s.main} {
			var sum int64
			count := 0
			for n := q.oldest; n != nil; n = n.next {
				if s.find(n.hash, []byte(n.key)) != n {
					return fmt.Errorf("%s is in a queue and not in the table", n.key)
				}
				if cost, _ := n.entry.Load().cost(n.key); cost != n.cost || n.main != (q == &s.main) {
					return fmt.Errorf("%s: cost %d, want %d, in main: %v", n.key, n.cost, cost, n.main)
				}
				sum += n.cost
				count++
			}
			if sum != q.bytes || count != q.nodes {
				return fmt.Errorf("%d nodes of %d bytes, counted %d and %d", count, sum, q.nodes, q.bytes)
			}
			bytes += sum
			nodes += count
		}
		entries += nodes
		if t := s.table.Load(); t != nil {
			taken, there := 0, 0
			for j := range *t {
				switch (*t)[j].Load() {
				case nil:
				case gone:
					taken++
				default:
					taken++
					there++
				}
			}
			if taken != s.taken || there != nodes || 2*taken > len(*t) {
				return fmt.Errorf("a table of %d with %d nodes and %d slots taken, counted %d and %d", len(*t), there, taken, nodes, s.taken)
			}
		} else if nodes+s.taken != 0 {
			return fmt.Errorf("%d nodes and %d slots without a table", nodes, s.taken)
		}
	}
	if bytes != c.budget.bytes || entries != c.budget.entries {
		return fmt.Errorf("%d entries of %d bytes, counted %d and %d", entries, bytes, c.budget.entries, c.budget.bytes)
	}
	return nil
}

func TestCache_parts(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var pages []*Page
	for size := range 20 {
		p, err := Build(200, nil, make([]byte, 100*size))
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, p)
	}
	for _, o := range []Options{{}, {MaxEntries: 100}, {MaxBytes: 50 << 10}, {MaxEntries: 600, MaxBody: 1900}} {
		c := New(o)
		for round := range 4000 {
			key := fmt.Sprint("/", r.IntN(1000))
			switch now := time.Duration(round); r.IntN(12) {
			case 0:
				c.Delete([]byte(key))
			case 1:
				c.PutAbsent(key, now)
			case 2:
				if r.IntN(20) == 0 {
					c.PurgePrefix(key[:2])
				}
			case 3, 4, 5:
				c.Get([]byte(key), now)
			default:
				e := new(Entry)
				for coding := range 1 + r.IntN(2) {
					e.Representations[coding] = NewRepresentation(pages[r.IntN(len(pages))], Stamp{})
				}
				c.Put(key, e, now)
			}
			if round%50 == 0 {
				if err := c.check(); err != nil {
					t.Fatalf("%+v, round %d: %v", o, round, err)
				}
			}
		}
		c.Clear()
		if err := c.check(); err != nil {
			t.Fatal(err)
		}
	}
}

// A table does not stay large, nor full of marks, when keys come and go.
func TestShard_tableSize(t *testing.T) {
	c := New(Options{MaxEntries: 200}) // one shard
	e := &Entry{}
	most := 0
	for i := range 20_000 {
		c.Put(fmt.Sprint("/", i), e, 0)
		most = max(most, len(*c.shards[0].table.Load()))
	}
	if most > 1024 {
		t.Errorf("a table of %d slots for 200 nodes", most)
	}
	c = New(Options{MaxEntries: 1 << 20})
	for i := range 20_000 {
		c.Put(fmt.Sprint("/", i), e, 0)
	}
	c.PurgePrefix("/1")
	c.PurgePrefix("/2")
	c.PurgePrefix("/3")
	slots := 0
	for i := range c.shards {
		slots += len(*c.shards[i].table.Load())
	}
	if n := c.Stats().Entries; int64(slots) > 8*n {
		t.Errorf("%d slots for %d nodes", slots, n)
	}
}

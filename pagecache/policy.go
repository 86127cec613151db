package pagecache

// A policy says which node goes when there is no room. It is S3-FIFO (Yang et al., SOSP
// 2023): a node starts in a small queue, which has a tenth, and comes into the
// main queue only if it was used twice meanwhile. Those that were not go,
// and leave a ghost behind; a key that comes back while its ghost is there starts in
// the main queue. In that a node goes round once for each use that is counted,
// and goes when there is none.
//
// Nodes that nobody uses so often never enter the main queue, and it gives one up only
// while it has more than nine tenths, or the small queue is empty. So no scan,
// however long, takes more of it than what it has above that.
type policy struct {
	small, main queue
	ghosts      ghosts
}

const (
	smallShare = 10 // the small queue has one part in so many

	// promotion is how many uses bring a node from the small queue to the main one. Two, as
	// the request that put it and one more are what a crawler makes that asks for HEAD and GET.
	promotion = 2
)

func (p *policy) queue(n *node) *queue {
	if n.main {
		return &p.main
	}
	return &p.small
}

// add adds a node whose key has no other.
func (p *policy) add(n *node) {
	n.main = p.ghosts.take(n.hash)
	p.queue(n).push(n)
}

// remove removes a node without judging it.
func (p *policy) remove(n *node) { p.queue(n).remove(n) }

// resize gives a node another cost.
func (p *policy) resize(n *node, cost int64) {
	p.queue(n).bytes += cost - n.cost
	n.cost = cost
}

// victim removes a node to make room for one of a cost, and returns it; nil when
// there is none. Each node that it passes by has lost a use for that.
func (p *policy) victim(cost int64) *node {
	for judged := 0; ; judged++ {
		fromSmall := p.overSmall(cost)
		q := &p.main
		if fromSmall {
			q = &p.small
		}
		n := q.oldest
		if n == nil {
			return nil
		}
		q.remove(n)
		uses := n.uses.Load()
		switch {
		case judged > maxUses*(p.main.nodes+p.small.nodes): // readers use all again and again
			return n
		case fromSmall && uses >= promotion:
			n.uses.Store(0)
			n.main = true
			p.main.push(n)
		case fromSmall:
			p.ghosts.add(n.hash)
			return n
		case uses > 0:
			n.uses.Store(uses - 1)
			p.main.push(n)
		default:
			return n
		}
	}
}

// overSmall reports whether the small queue would have more than its share, of bytes or of
// nodes, with one more of a cost. Both count, as either may be what there is no room for.
func (p *policy) overSmall(cost int64) bool {
	small, main := &p.small, &p.main
	return small.nodes > 0 && (main.nodes == 0 ||
		smallShare*(small.bytes+cost) > small.bytes+main.bytes+cost ||
		smallShare*(small.nodes+1) > small.nodes+main.nodes+1)
}

// A queue is a list of nodes in the order in which they came.
type queue struct {
	oldest, newest *node
	nodes          int
	bytes          int64
}

func (q *queue) push(n *node) {
	n.prev, n.next = q.newest, nil
	if q.newest == nil {
		q.oldest = n
	} else {
		q.newest.next = n
	}
	q.newest = n
	q.nodes++
	q.bytes += n.cost
}

func (q *queue) remove(n *node) {
	if n.prev == nil {
		q.oldest = n.next
	} else {
		n.prev.next = n.next
	}
	if n.next == nil {
		q.newest = n.prev
	} else {
		n.next.prev = n.prev
	}
	n.prev, n.next = nil, nil // or a reader's node would keep those that went before
	q.nodes--
	q.bytes -= n.cost
}

// ghosts are the marks of hashes in sets of four, the last of each set first.
type ghosts [][4]uint32

// grow makes room for the ghosts of a table: one for each node that it may have.
func (g *ghosts) grow(slots int) {
	old := *g
	if len(old) >= slots/8 {
		return
	}
	*g = make(ghosts, slots/8)
	for i := range *g {
		if len(old) > 0 {
			(*g)[i] = old[i%len(old)] // a set's ghosts are in all sets that it becomes
		}
	}
}

func (g ghosts) add(hash uint64) {
	set := &g[hash%uint64(len(g))]
	copy(set[1:], set[:])
	set[0] = mark(hash)
}

// take reports whether a hash has a ghost, and removes it.
func (g ghosts) take(hash uint64) bool {
	if len(g) == 0 {
		return false
	}
	set := &g[hash%uint64(len(g))]
	for i, m := range set {
		if m == mark(hash) {
			set[i] = 0
			return true
		}
	}
	return false
}

// mark returns bits of a hash that neither its shard nor its set is chosen by, never 0.
func mark(hash uint64) uint32 { return uint32(hash>>24) | 1 }

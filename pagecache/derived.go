package pagecache

// Derived returns what a sender has made of the page's fields in another form, and
// keeps with it: the result of build, which is called at the first use, and again by
// others who come at the same time. Nobody may change it. All senders of a
// process must ask for the same form. It should be no longer than the head, and is not
// counted as memory of a Cache.
func (p *Page) Derived(build func(*Page) []byte) []byte {
	if b := p.derived.Load(); b != nil {
		return *b
	}
	b := build(p)
	p.derived.Store(&b)
	return b
}

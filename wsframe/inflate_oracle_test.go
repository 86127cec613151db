package wsframe

import "errors"

// inflateOracle is RFC 1951 as it reads, bit by bit. It appends to window, whose
// octets blocks may refer to, and returns how far back they do. It ends with the
// input, at a place where a block would begin.
func inflateOracle(window, src []byte) (out []byte, farthest int, err error) {
	o := &oracle{src: src, out: window}
	defer func() {
		if e := recover(); e != nil {
			out, farthest, err = o.out[len(window):], o.farthest, e.(error)
		}
	}()
	for o.at < 8*len(src) {
		o.block()
	}
	return o.out[len(window):], o.farthest, nil
}

type oracle struct {
	src, out     []byte
	at, farthest int
}

func (o *oracle) must(ok bool, what string) {
	if !ok {
		panic(errors.New("oracle: " + what))
	}
}

func (o *oracle) bits(n int) (v int) {
	for i := range n {
		o.must(o.at < 8*len(o.src), "input ends")
		v |= int(o.src[o.at/8]>>(o.at%8)&1) << i
		o.at++
	}
	return v
}

func (o *oracle) block() {
	final, kind := o.bits(1), o.bits(2)
	switch kind {
	case 0:
		o.at = (o.at + 7) &^ 7
		n, inverse := o.bits(16), o.bits(16)
		o.must(n == ^inverse&0xffff, "stored length")
		for range n {
			o.out = append(o.out, byte(o.bits(8)))
		}
	case 1:
		lengths := make([]int, 288)
		for i := range lengths {
			switch {
			case i < 144:
				lengths[i] = 8
			case i < 256:
				lengths[i] = 9
			case i < 280:
				lengths[i] = 7
			default:
				lengths[i] = 8
			}
		}
		distances := make([]int, 30)
		for i := range distances {
			distances[i] = 5
		}
		o.codes(lengths, distances)
	case 2:
		o.dynamic()
	default:
		o.must(false, "block type")
	}
	if final == 1 {
		o.at = (o.at + 7) &^ 7
	}
}

func (o *oracle) dynamic() {
	nlit, ndist, ncode := o.bits(5)+257, o.bits(5)+1, o.bits(4)+4
	lengths := make([]int, 19)
	for i := range ncode {
		lengths[[]int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}[i]] = o.bits(3)
	}
	var all []int
	for len(all) < nlit+ndist {
		n, v := 1, 0
		switch s := o.symbol(lengths); s {
		case 16:
			o.must(len(all) > 0, "repeat of nothing")
			v, n = all[len(all)-1], 3+o.bits(2)
		case 17:
			n = 3 + o.bits(3)
		case 18:
			n = 11 + o.bits(7)
		default:
			v = s
		}
		for range n {
			all = append(all, v)
		}
	}
	o.must(len(all) == nlit+ndist, "too many lengths")
	o.codes(all[:nlit], all[nlit:])
}

// symbol reads a symbol of the canonical code with these lengths.
func (o *oracle) symbol(lengths []int) int {
	code, first := 0, 0
	for n := 1; n <= 15; n++ {
		code = code<<1 | o.bits(1)
		first <<= 1
		for s, l := range lengths {
			if l == n {
				if code == first {
					return s
				}
				first++
			}
		}
	}
	o.must(false, "code")
	return 0
}

func (o *oracle) codes(lit, dist []int) {
	for {
		s := o.symbol(lit)
		switch {
		case s < 256:
			o.out = append(o.out, byte(s))
			continue
		case s == 256:
			return
		}
		o.must(s < 286, "length symbol")
		length := 258
		if s < 285 {
			if s -= 257; s < 8 {
				length = 3 + s
			} else {
				extra := s/4 - 1
				length = 3 + (4+s%4)<<extra + o.bits(extra)
			}
		}
		d := o.symbol(dist)
		o.must(d < 30, "distance symbol")
		back := 1 + d
		if d >= 4 {
			extra := d/2 - 1
			back = 1 + (2+d%2)<<extra + o.bits(extra)
		}
		o.must(back <= len(o.out), "distance beyond the start")
		o.farthest = max(o.farthest, back)
		for range length {
			o.out = append(o.out, o.out[len(o.out)-back])
		}
	}
}

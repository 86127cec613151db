package direct

import "bytes"

// A search looks for the route of one request. It keeps what it decodes and
// the values of wildcards in the Ctx, whose buffers it reuses.
type search struct {
	c       *Ctx
	method  string
	escaped bool            // there are percent-encoded bytes
	allow   map[string]bool // unless nil: gather all methods and find nothing
}

// find returns the route for the request of c, or nil, with its values in
// c.params. With allow it puts the methods of all routes for the path there.
func (t *tree) find(c *Ctx, allow map[string]bool) *route {
	c.params, c.decode = c.params[:0], c.decode[:0]
	path := c.req.Path
	if !clean(path) {
		return nil
	}
	s := search{c: c, method: c.req.Method, allow: allow}
	if bytes.IndexByte(path, '%') >= 0 {
		if s.escaped = true; !validEscapes(path) {
			return nil
		}
	}
	var found *route
	if len(t.hosts) > 0 {
		if n := t.hosts[string(c.lowerHost())]; n != nil {
			found = s.find(n, path)
		}
	}
	if found == nil {
		found = s.find(&t.any, path)
	}
	if found != nil {
		for i, name := range found.names {
			c.params[i].name = name
		}
	}
	return found
}

// find looks behind n for path, which is empty or starts with a slash. The
// narrower way comes first at each segment, so that the first route found is
// the most specific one: of two that match neither would be, the pair was
// refused. No node is visited twice, whatever the path.
func (s *search) find(n *node, path []byte) *route {
	switch len(path) {
	case 0:
		return s.at(n.end)
	case 1:
		if r := s.at(n.slash); r != nil {
			return r
		}
	default:
		if r := s.behind(n, path[1:]); r != nil {
			return r
		}
	}
	r := s.at(n.multi)
	if c := s.c; r != nil && len(r.names) > len(c.params) { // the multi has a name
		c.params = append(c.params, param{value: s.decoded(path[1:])})
	}
	return r
}

// behind looks behind n for a path without its slash that is not empty.
func (s *search) behind(n *node, path []byte) *route {
	c := s.c
	params, decode := len(c.params), len(c.decode)
	seg, rest := path, path[len(path):]
	if i := bytes.IndexByte(path, '/'); i >= 0 {
		seg, rest = path[:i], path[i:]
	}
	seg = s.decoded(seg)
	if to := n.behind(seg); to != nil {
		if r := s.find(to, rest); r != nil {
			return r
		}
	}
	if n.wild != nil {
		c.params = append(c.params, param{value: seg})
		if r := s.find(n.wild, rest); r != nil {
			return r
		}
	}
	c.params, c.decode = c.params[:params], c.decode[:decode]
	return nil
}

// at returns the route for the method among those of one path: its own first,
// then GET for HEAD, then the one for any method.
func (s *search) at(r *route) (best *route) {
	for ; r != nil; r = r.next {
		switch {
		case s.allow != nil:
			if r.method != "" {
				s.allow[r.method] = true
			}
		case r.method == s.method:
			return r
		case r.method == "GET" && s.method == "HEAD", r.method == "" && best == nil:
			best = r
		}
	}
	return best
}

// decoded returns part of the path without percent-encoding.
func (s *search) decoded(part []byte) []byte {
	if !s.escaped || bytes.IndexByte(part, '%') < 0 {
		return part
	}
	c := s.c
	start := len(c.decode)
	for i := 0; i < len(part); i++ {
		b := part[i]
		if b == '%' {
			b = hex[part[i+1]]<<4 | hex[part[i+2]]
			i += 2
		}
		c.decode = append(c.decode, b)
	}
	return c.decode[start:len(c.decode):len(c.decode)]
}

// clean reports whether http.ServeMux would take the path as it is: it starts
// with a slash, and no segment is ".", ".." or, but for the last, empty.
func clean(path []byte) bool {
	if len(path) == 0 || path[0] != '/' {
		return false
	}
	for rest := path[1:]; ; {
		i := bytes.IndexByte(rest, '/')
		if i < 0 {
			return !dots(rest)
		}
		if i == 0 || dots(rest[:i]) {
			return false
		}
		rest = rest[i+1:]
	}
}

func dots(seg []byte) bool {
	return len(seg) > 0 && seg[0] == '.' && (len(seg) == 1 || len(seg) == 2 && seg[1] == '.')
}

// validEscapes reports whether each "%" starts a pct-encoded (RFC 3986 §2.1).
func validEscapes(path []byte) bool {
	for {
		i := bytes.IndexByte(path, '%')
		if i < 0 {
			return true
		}
		if len(path) < i+3 || hex[path[i+1]]|hex[path[i+2]] == notHex {
			return false
		}
		path = path[i+3:]
	}
}

// hex holds the value of each hexadecimal digit.
var hex = func() (t [256]byte) {
	for i := range t {
		t[i] = notHex
	}
	for i := range byte(10) {
		t['0'+i] = i
	}
	for i := range byte(6) {
		t['a'+i], t['A'+i] = 10+i, 10+i
	}
	return t
}()

const notHex = 0xff // stays itself when or-ed with a digit's value

// lowerHost returns the request's host without port, in lower case.
func (c *Ctx) lowerHost() []byte {
	start := len(c.decode)
	for _, b := range withoutPort(c.req.Host) {
		if b >= 'A' && b <= 'Z' {
			b |= 0x20
		}
		c.decode = append(c.decode, b)
	}
	return c.decode[start:len(c.decode):len(c.decode)]
}

// withoutPort cuts ":port" off a host; brackets of an IP literal stay.
func withoutPort(host []byte) []byte {
	end := bytes.LastIndexByte(host, ']') + 1
	if i := bytes.IndexByte(host[end:], ':'); i >= 0 {
		return host[:end+i]
	}
	return host
}

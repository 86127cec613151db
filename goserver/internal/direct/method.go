package direct

// Method returns the registered method of that name as a constant, which
// costs no allocation. Methods are case-sensitive (RFC 9110 §9.1).
func Method(name []byte) (method string, registered bool) {
	if string(name) == "GET" {
		return "GET", true
	}
	method, registered = methods[string(name)]
	return method, registered
}

// methods is the HTTP Method Registry (RFC 9110 §16.1.1), without PRI, which
// is no method but the start of the HTTP/2 preface.
var methods = func() map[string]string {
	m := make(map[string]string)
	for _, name := range []string{
		"ACL", "BASELINE-CONTROL", "BIND", "CHECKIN", "CHECKOUT", "CONNECT",
		"COPY", "DELETE", "GET", "HEAD", "LABEL", "LINK", "LOCK", "MERGE",
		"MKACTIVITY", "MKCALENDAR", "MKCOL", "MKREDIRECTREF", "MKWORKSPACE",
		"MOVE", "OPTIONS", "ORDERPATCH", "PATCH", "POST", "PROPFIND",
		"PROPPATCH", "PUT", "QUERY", "REBIND", "REPORT", "SEARCH", "TRACE",
		"UNBIND", "UNCHECKOUT", "UNLINK", "UNLOCK", "UPDATE",
		"UPDATEREDIRECTREF", "VERSION-CONTROL",
	} {
		m[name] = name
	}
	return m
}()

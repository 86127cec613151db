package h1

// methodName returns the method b, without allocating if it is registered.
func methodName(b []byte) string {
	if string(b) == "GET" {
		return "GET"
	}
	if m, ok := registeredMethods[string(b)]; ok {
		return m
	}
	return string(b)
}

// registeredMethods is the HTTP Method Registry (RFC 9110 §16.1.1), without
// PRI, which is no method but the start of the HTTP/2 preface.
var registeredMethods = func() map[string]string {
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

package goserver

// OpenWebSockets returns how many WebSockets the server knows to be open.
func (s *Server) OpenWebSockets() int {
	s.start()
	return s.sockets.Open()
}

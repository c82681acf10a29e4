package httpapi

// permit is what an answer without end rests on: that the client may still have it.
type permit struct {
	server  *Server
	request *request
	changed <-chan struct{} // closed when that is to be asked again, by renew
}

// permit is for a request that was let in. Tokens may have been changed since.
func (s *Server) permit(r *request) (*permit, error) {
	p := &permit{server: s, request: r}
	return p, p.renew()
}

// renew asks for the token that the request came with once more.
func (p *permit) renew() error {
	now := p.server.judged.Load() // of one moment: a change after this closes changed
	p.changed = now.changed
	return p.server.authorizeBy(now.tokens, p.request, p.request.wants)
}

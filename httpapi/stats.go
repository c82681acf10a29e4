package httpapi

import "sync/atomic"

// Stats are counts since the server began, and two levels (Conns, Waiting).
type Stats struct {
	Requests       uint64
	Failures       uint64 // answered with 5xx, as refusals for want of room are
	Panics         uint64 // requests that failed by a fault in the program
	HostsRefused   uint64 // for a Host that is not allowed
	SitesRefused   uint64 // cross-site writes
	ConnsRefused   uint64 // over MaxConns
	ClientsRefused uint64 // over MaxConnsPerClient
	WaitsRefused   uint64 // over MaxWaiting
	TokensRefused  uint64 // for want of a token with the role
	StreamsLost    uint64 // readers of the stream cut off since they were too slow
	Streams        uint64 // read now
	CacheHits      uint64
	CacheMisses    uint64
	Conns          uint64 // open now
	Waiting        uint64 // reads blocked now
}

type counters struct {
	streams     atomic.Int64
	streamsLost atomic.Uint64

	requests, failures, panics               atomic.Uint64
	hostsRefused, sitesRefused, connsRefused atomic.Uint64
	clientsRefused                           atomic.Uint64
	waitsRefused, tokensRefused              atomic.Uint64
	waiting, monitors                        atomic.Int64
}

// Stats returns the counts as they are now.
func (s *Server) Stats() Stats {
	hits, misses := s.bodies.counts()
	return Stats{
		Requests:       s.count.requests.Load(),
		Failures:       s.count.failures.Load(),
		Panics:         s.count.panics.Load(),
		HostsRefused:   s.count.hostsRefused.Load(),
		SitesRefused:   s.count.sitesRefused.Load(),
		ConnsRefused:   s.count.connsRefused.Load(),
		ClientsRefused: s.count.clientsRefused.Load(),
		TokensRefused:  s.count.tokensRefused.Load(),
		WaitsRefused:   s.count.waitsRefused.Load(),
		Streams:        uint64(max(0, s.count.streams.Load())),
		StreamsLost:    s.count.streamsLost.Load(),
		CacheHits:      hits,
		CacheMisses:    misses,
		Conns:          uint64(s.conns.count()),
		Waiting:        uint64(max(0, s.count.waiting.Load())),
	}
}

package gossip

import (
	"net/netip"
	"sync"
)

// places bounds how many streams of a kind are open here at once, in all and from one
// host, so that one host cannot take the places of all others. It is safe for concurrent
// use.
type places struct {
	total, perHost int

	mu     sync.Mutex // guards what follows
	taken  int
	byHost map[netip.Addr]int
}

func newPlaces(total, perHost int) *places {
	return &places{total: total, perHost: perHost, byHost: map[netip.Addr]int{}}
}

// take reports whether there is a place for a stream from a host; if so, give is to follow.
func (p *places) take(host netip.Addr) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken >= p.total || p.byHost[host] >= p.perHost {
		return false
	}
	p.taken++
	p.byHost[host]++
	return true
}

// give returns a place.
func (p *places) give(host netip.Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken--
	if p.byHost[host]--; p.byHost[host] == 0 {
		delete(p.byHost, host)
	}
}

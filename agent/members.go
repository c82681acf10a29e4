package agent

import (
	"sync"

	"covey/catalog"
	"covey/gossip"
	"covey/httpapi"
)

// members are those of membership as the HTTP API shows them, made once a change.
type members struct {
	mu     sync.Mutex // guards what follows
	known  httpapi.Members
	counts memberCounts
}

// memberCounts is how many members there are of each status.
type memberCounts struct{ alive, leaving, failed, left int }

// Members returns the nodes that membership knows, by name.
func (a *Agent) Members() httpapi.Members {
	known, _ := a.members.of(a.gossip.Members())
	return known
}

func (a *Agent) countMembers() memberCounts {
	_, counts := a.members.of(a.gossip.Members())
	return counts
}

func (m *members) of(list *gossip.Members) (httpapi.Members, memberCounts) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known.Serial >= list.Serial {
		return m.known, m.counts
	}
	m.known = httpapi.Members{Serial: list.Serial, List: make([]httpapi.Member, len(list.List))}
	m.counts = memberCounts{}
	for i := range list.List {
		one := &list.List[i]
		m.known.List[i] = httpapi.Member{
			Name: one.Name, ID: catalog.NodeID(one.ID), Addr: one.Addr.Addr().String(), Port: one.Addr.Port(),
			Status: one.Status, Tags: one.Tags,
		}
		switch one.Status {
		case "alive":
			m.counts.alive++
		case "leaving":
			m.counts.leaving++
		case "failed":
			m.counts.failed++
		case "left":
			m.counts.left++
		}
	}
	return m.known, m.counts
}

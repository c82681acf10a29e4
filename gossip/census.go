package gossip

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/serf/serf"

	"covey/gossip/replica"
)

// Members are the nodes that membership knows, by name. They do not change; those of
// another state bear a greater Serial.
type Members struct {
	Serial uint64
	List   []Member
}

// Member is a node as membership sees it.
type Member struct {
	Name   string
	ID     replica.ID // zero if it does not speak our protocol
	Addr   netip.AddrPort
	Status string // alive, leaving, left, failed
	Tags   map[string]string
}

func (m *Member) equal(o *Member) bool {
	return m.Name == o.Name && m.ID == o.ID && m.Addr == o.Addr && m.Status == o.Status && maps.Equal(m.Tags, o.Tags)
}

// census is the members as they were last counted, so that not everyone who asks for them
// walks over them under serf's lock.
type census struct {
	mu    sync.Mutex // guards what follows
	taken time.Time
	heard uint64 // of how many events, when it was taken
	known *Members
}

// censusFor is how long a census stands if nothing is heard: serf does not tell when a
// member begins to leave.
const censusFor = time.Second

// of returns the members as members lists them, or did so before, if none was heard of since.
func (c *census) of(members func() []serf.Member, events *atomic.Uint64) *Members {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, heard := time.Now(), events.Load()
	if c.known != nil && heard == c.heard && now.Sub(c.taken) < censusFor {
		return c.known
	}
	list := describe(members())
	if c.known == nil || !slices.EqualFunc(list, c.known.List, func(a, b Member) bool { return a.equal(&b) }) {
		serial := uint64(1)
		if c.known != nil {
			serial += c.known.Serial
		}
		c.known = &Members{serial, list}
	}
	c.taken, c.heard = now, heard
	return c.known
}

// describe are serf's members as ours, by name.
func describe(members []serf.Member) []Member {
	out := make([]Member, len(members))
	for i := range members {
		m := &members[i]
		id, _ := idOf(m)
		addr, _ := addrOf(m)
		out[i] = Member{Name: m.Name, ID: id, Addr: addr, Status: m.Status.String(), Tags: m.Tags}
	}
	slices.SortFunc(out, func(a, b Member) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

package gossip

import (
	"sync"
	"time"

	"github.com/hashicorp/serf/serf"

	"covey/gossip/replica"
)

// roster keeps the latest event of each member until the loop takes it. Its size is
// that of the cluster, so serf's channel is always read, whatever the loop is at.
type roster struct {
	changed chan struct{} // holds a token when there is something to take

	mu     sync.Mutex // guards latest and order
	latest map[string]rosterEvent
	order  []string
}

type rosterEvent struct {
	kind   serf.EventType
	member serf.Member
}

func newRoster() *roster {
	return &roster{changed: make(chan struct{}, 1), latest: map[string]rosterEvent{}}
}

// follow reads serf's events until stop.
func (r *roster) follow(events <-chan serf.Event, stop <-chan struct{}) {
	for {
		select {
		case e := <-events:
			if m, ok := e.(serf.MemberEvent); ok {
				r.note(m)
			}
		case <-stop:
			return
		}
	}
}

func (r *roster) note(e serf.MemberEvent) {
	r.mu.Lock()
	for _, m := range e.Members {
		if _, ok := r.latest[m.Name]; !ok {
			r.order = append(r.order, m.Name)
		}
		r.latest[m.Name] = rosterEvent{e.Type, m}
	}
	r.mu.Unlock()
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

func (r *roster) take() []rosterEvent {
	r.mu.Lock()
	defer r.mu.Unlock()
	events := make([]rosterEvent, 0, len(r.order))
	for _, name := range r.order {
		events = append(events, r.latest[name])
	}
	clear(r.latest)
	r.order = nil
	return events
}

// updateMembers tells the core and the catalogue what serf found.
func (g *Gossip) updateMembers() {
	for _, e := range g.roster.take() {
		if e.member.Name != g.cfg.Name {
			g.updateMember(e.kind, &e.member)
		}
	}
}

func (g *Gossip) updateMember(kind serf.EventType, m *serf.Member) {
	id, ok := idOf(m)
	if !ok {
		if kind == serf.EventMemberJoin || kind == serf.EventMemberUpdate {
			g.refused.note(refusedVersion, "a member does not speak this agent's protocol and is left out of the catalogue",
				"peer", m.Name, "protocol", m.Tags[ProtocolTag], "own_protocol", Protocol)
		}
		if old, known := g.byName[m.Name]; known {
			g.drop(old, "it no longer speaks this agent's protocol")
		}
		return
	}
	if old, known := g.byName[m.Name]; known && old != id {
		// The name came back under another id: its disk was lost. What the old one
		// registered is gone, here and everywhere.
		g.drop(old, "its name was taken over by a new agent")
	}
	switch kind {
	case serf.EventMemberJoin, serf.EventMemberUpdate:
		if g.members[id] == nil || g.members[id].state != replica.Alive {
			g.log.Info("node is alive", "node", m.Name, "address", m.Addr)
		}
		g.setMember(id, m.Name, replica.Alive)
		g.members[id].addr, _ = addrOf(m)
		if g.settle.IsZero() {
			g.settle = time.Now().Add(settleAfter)
		}
	case serf.EventMemberFailed:
		g.log.Warn("node failed: its instances are hidden until it comes back", "node", m.Name, "address", m.Addr)
		g.setMember(id, m.Name, replica.Failed)
	case serf.EventMemberLeave:
		g.drop(id, "it left")
	case serf.EventMemberReap:
		g.drop(id, "it was gone for too long, or was forced to leave")
	}
}

// setMember records a member's state and tells everyone of it.
func (g *Gossip) setMember(id replica.ID, name string, state replica.Membership) {
	m := g.members[id]
	if m == nil {
		m = &member{}
		g.members[id] = m
	}
	changed := m.state != state || m.name != name || m.since.IsZero()
	m.name, m.state = name, state
	if changed {
		m.since = time.Now()
		g.peers.addMember(id, m)
	}
	g.byName[name] = id
	g.core.SetMember(time.Now(), id, state)
	g.cfg.SetMember(id, state)
}

// drop forgets a node for good.
func (g *Gossip) drop(id replica.ID, why string) {
	if m := g.members[id]; m != nil {
		g.log.Info("node is gone, and all it registered", "node", m.name, "why", why)
		if g.byName[m.name] == id {
			delete(g.byName, m.name)
		}
		delete(g.members, id)
	}
	g.core.Drop(time.Now(), id)
	g.peers.addDropped(id)
}

// settleMembers ends presumptions: a node that was alive before our restart and is
// still not met, although others are, has failed. One that nobody remembers any more
// is forgotten.
func (g *Gossip) settleMembers(now time.Time) {
	due := !g.settle.IsZero() && now.After(g.settle)
	for id, m := range g.members {
		switch {
		case m.state == replica.Presumed && due:
			g.log.Warn("node was alive before this agent's restart and has not been seen since", "node", m.name)
			g.setMember(id, m.name, replica.Failed)
		case m.state == replica.Failed && now.Sub(m.since) > failedFor+time.Hour:
			g.drop(id, "it failed long ago")
		}
	}
}

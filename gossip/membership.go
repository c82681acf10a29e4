package gossip

import (
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"github.com/hashicorp/serf/serf"

	"covey/gossip/replica"
)

// updateMembers tells replication and the catalogue what serf found.
func (g *Gossip) updateMembers() {
	events, said := g.roster.take()
	for _, e := range events {
		if e.member.Name != g.cfg.Name {
			g.updateMember(e.kind, &e.member)
		}
	}
	now := time.Now()
	for _, e := range said {
		if e.Name == userEvent {
			g.hearUserEvent(e)
			continue
		}
		g.hearStatement(e.Name, e.Payload, now)
	}
}

func (g *Gossip) updateMember(kind serf.EventType, m *serf.Member) {
	id, ok := idOf(m)
	if ok && id == g.cfg.ID {
		g.meetTwin(kind, m)
		return
	}
	delete(g.opinions, m.Name) // what membership says now is newer
	switch kind {
	case serf.EventMemberJoin, serf.EventMemberUpdate:
		if !ok {
			g.refused.note(refusedVersion, "a member does not speak this agent's protocol and is left out of the catalogue",
				"peer", m.Name, "protocol", m.Tags[ProtocolTag], "own_protocol", Protocol)
			g.forgetName(m.Name, "it does not speak this agent's protocol")
			return
		}
		addr, _ := addrOf(m)
		g.epochs[id], _ = strconv.ParseUint(m.Tags[EpochTag], 36, 64)
		delete(g.accused.hidden, id) // the last word is membership's
		g.setName(m.Name, bearer{id: id, addr: addr, state: replica.Alive, since: time.Now()})
		if g.settle.IsZero() {
			g.settle = time.Now().Add(settleAfter)
		}
	case serf.EventMemberFailed:
		g.failedMember(m)
	case serf.EventMemberLeave:
		g.forgetName(m.Name, "it left")
	case serf.EventMemberReap:
		g.forgetName(m.Name, "it was gone for too long, or was forced to leave")
	}
}

// setName notes a name's state and carries out what follows.
func (g *Gossip) setName(name string, b bearer) {
	g.peers.addName(name, &b)
	g.carryOut(g.dir.set(name, b), "its name was taken over by a new agent")
	if m := g.dir.ids[b.id]; m != nil {
		g.known[b.id] = m.name
	}
	living := map[netip.AddrPort]bool{} // a renamed node is at one address under both names
	for _, n := range g.dir.namesOf[b.id] {
		if other := g.dir.names[n]; other.state == replica.Alive {
			living[other.addr] = true
		}
	}
	if len(living) > 1 {
		g.refused.note(refusedTwin, "one node id is borne by several living nodes: remove node-id from the data directory of all but one",
			"id", b.id, "nodes", g.dir.namesOf[b.id])
	}
}

// forgetName forgets a name, and its id if it bears no other.
func (g *Gossip) forgetName(name, why string) {
	if g.dir.names[name] == nil {
		return
	}
	g.peers.addForgotten(name)
	g.carryOut(g.dir.remove(name), why)
}

// carryOut tells replication, then the catalogue, what became of ids.
func (g *Gossip) carryOut(list []consequence, why string) {
	now := time.Now()
	g.unwatched = g.unwatched || len(list) > 0
	for _, c := range list {
		if c.gone {
			g.log.Info("node is gone, and all it registered", "node", g.known[c.id], "why", why)
			delete(g.known, c.id)
			delete(g.epochs, c.id)
			delete(g.accused.hidden, c.id)
			g.core.Drop(now, c.id)
			continue
		}
		m := g.dir.ids[c.id]
		g.known[c.id] = m.name
		switch c.state {
		case replica.Alive:
			g.log.Info("node is alive", "node", m.name, "address", m.addr)
		case replica.Failed:
			g.log.Warn("node failed: its instances are hidden until it comes back", "node", m.name, "address", m.addr)
		}
		g.core.SetMember(now, c.id, c.state)
		g.cfg.SetMember(c.id, c.state)
	}
}

// settleMembers ends presumptions: a node that was alive before our restart and is
// still not met, although others are, has failed. One that failed long ago, and that
// membership therefore no longer speaks of, is forgotten.
func (g *Gossip) settleMembers(now time.Time) {
	due := !g.settle.IsZero() && now.After(g.settle)
	for name, b := range g.dir.names {
		switch {
		case b.state == replica.Presumed && due:
			g.log.Warn("node was alive before this agent's restart and has not been seen since", "node", name)
			g.setName(name, bearer{id: b.id, addr: b.addr, state: replica.Failed, since: now})
		case b.state == replica.Failed && now.Sub(b.since) > failedFor+time.Hour:
			g.forgetName(name, "it failed long ago")
		}
	}
	g.checkTwin(now)
}

// twin is another node that bears our own id: a data directory was copied. Neither
// could tell its records from the other's, so one must go.
type twin struct {
	name  string
	addr  netip.AddrPort
	epoch uint64
	since time.Time
}

// twinPatience is how long a twin may be alive. A node that was just renamed meets its
// own former name, which fails within seconds.
const twinPatience = 5 * time.Second

func (g *Gossip) meetTwin(kind serf.EventType, m *serf.Member) {
	addr, _ := addrOf(m)
	alive := kind == serf.EventMemberJoin || kind == serf.EventMemberUpdate
	self := g.serf.LocalMember()
	own, _ := addrOf(&self)
	switch {
	case !alive || addr == own: // gone, or our own former name
		if g.twin != nil && g.twin.name == m.Name {
			g.twin = nil
		}
	case g.twin == nil || g.twin.name != m.Name:
		epoch, _ := strconv.ParseUint(m.Tags[EpochTag], 36, 64)
		g.twin = &twin{m.Name, addr, epoch, time.Now()}
	}
}

// checkTwin ends the agent that started later, and warns in the other.
func (g *Gossip) checkTwin(now time.Time) {
	if g.twin == nil || now.Sub(g.twin.since) < twinPatience {
		return
	}
	if g.cfg.Epoch < g.twin.epoch {
		g.refused.note(refusedTwin, "another agent runs with a copy of this one's data directory; it should end by itself",
			"node", g.twin.name, "address", g.twin.addr)
		return
	}
	g.fail(fmt.Errorf("node %q at %v runs with the same node id: one data directory is a copy of the other; "+
		"remove the files node-id and local.log from this agent's, and register here anew", g.twin.name, g.twin.addr))
}

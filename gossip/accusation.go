package gossip

import (
	"cmp"
	"encoding/binary"
	"hash/fnv"
	"net/netip"
	"slices"
	"time"

	"covey/gossip/replica"
)

// accusations weigh what agents say who watch others (see vigil). An agent that is
// refused by two of those who watch it counts as failed at once, until it says that it
// lives or membership does not come to the same in time. Both a claim and its denial
// speak of one epoch, so neither touches an agent that was started anew.
//
// Membership stays the judge: what is here only hides an agent's instances earlier.
type accusations struct {
	by     map[charge]map[replica.ID]time.Time // who said so, and when
	hidden map[replica.ID]time.Time            // since when, by what is here
	denied time.Time                           // when this agent last said that it lives
	// lives is who said so lately: what was said of it may come later than its answer.
	lives map[charge]time.Time
}

// charge is an agent in one of its lives.
type charge struct {
	id    replica.ID
	epoch uint64
}

const (
	accusers    = 2                // who must agree, where there are so many
	accuseFor   = 10 * time.Second // an accusation counts for so long
	hideFor     = 15 * time.Second // then membership must have come to the same
	denyPause   = time.Second
	maxCharges  = 1024
	accuseEvent = "covey-refused"
	denyEvent   = "covey-alive"
)

func newAccusations() accusations {
	return accusations{by: map[charge]map[replica.ID]time.Time{}, hidden: map[replica.ID]time.Time{}, lives: map[charge]time.Time{}}
}

// statement is what travels: the charge, and who says so.
type statement struct {
	charge
	by replica.ID
}

const statementSize = 16 + 8 + 16

func (s statement) append(b []byte) []byte {
	b = append(b, s.id[:]...)
	b = binary.BigEndian.AppendUint64(b, s.epoch)
	return append(b, s.by[:]...)
}

func readStatement(b []byte) (s statement, ok bool) {
	if len(b) != statementSize {
		return s, false
	}
	copy(s.id[:], b)
	s.epoch = binary.BigEndian.Uint64(b[16:])
	copy(s.by[:], b[24:])
	return s, true
}

// add notes an accusation and reports whether there are enough.
func (a *accusations) add(s statement, needed int, now time.Time) bool {
	if _, lives := a.lives[s.charge]; lives {
		return false
	}
	if a.by[s.charge] == nil {
		if len(a.by) >= maxCharges {
			return false
		}
		a.by[s.charge] = map[replica.ID]time.Time{}
	}
	said := a.by[s.charge]
	if len(said) < watchers {
		said[s.by] = now
	}
	fresh := 0
	for _, at := range said {
		if now.Sub(at) < accuseFor {
			fresh++
		}
	}
	return fresh >= needed
}

// acquit notes that the accused says it lives.
func (a *accusations) acquit(c charge, now time.Time) {
	delete(a.by, c)
	if len(a.lives) < maxCharges {
		a.lives[c] = now
	}
}

// forget drops what is too old to count.
func (a *accusations) forget(now time.Time) {
	for c, at := range a.lives {
		if now.Sub(at) >= accuseFor {
			delete(a.lives, c)
		}
	}
	for c, said := range a.by {
		for by, at := range said {
			if now.Sub(at) >= accuseFor {
				delete(said, by)
			}
		}
		if len(said) == 0 {
			delete(a.by, c)
		}
	}
}

// watchNeighbours has the vigil watch those agents that follow this one in the order of
// the hashes of their ids, which all agents see alike: so each is watched by as many.
func (g *Gossip) watchNeighbours() {
	if !g.unwatched {
		return
	}
	g.unwatched = false
	own := place(g.cfg.ID)
	next := make([]replica.ID, 0, watchers+1)
	for id, m := range g.dir.ids {
		if m.state != replica.Alive || !m.addr.IsValid() {
			continue
		}
		behind := place(id) - own // all the way round
		at, _ := slices.BinarySearchFunc(next, behind, func(other replica.ID, d uint64) int { return cmp.Compare(place(other)-own, d) })
		next = slices.Insert(next, at, id)
		next = next[:min(len(next), watchers)]
	}
	wanted := map[replica.ID]netip.AddrPort{}
	for _, id := range next {
		wanted[id] = g.dir.ids[id].addr
	}
	g.vigil.keep(wanted)
}

func place(id replica.ID) uint64 {
	h := fnv.New64a()
	h.Write(id[:])
	return h.Sum64()
}

// accuse tells all, this agent included, that an agent refuses connections.
func (g *Gossip) accuse(id replica.ID) {
	var s statement
	known := false
	g.do(func() {
		var epoch uint64
		if epoch, known = g.epochs[id]; known {
			s = statement{charge{id, epoch}, g.cfg.ID}
			g.hearAccusation(s, time.Now())
		}
	})
	if known {
		g.state(accuseEvent, s)
	}
}

// state sends a statement to all agents.
func (g *Gossip) state(event string, s statement) {
	if err := g.serf.UserEvent(event, s.append(nil), false); err != nil {
		g.log.Debug("cannot tell the others what became of an agent", "event", event, "node", s.id, "error", err)
	}
}

// hearStatement takes what another agent says. Events of other names are not for this
// agent: a later one may have more to say.
func (g *Gossip) hearStatement(event string, payload []byte, now time.Time) {
	s, ok := readStatement(payload)
	switch {
	case event != accuseEvent && event != denyEvent:
	case !ok:
		g.refused.note(refusedFrame, "refused what a peer says of another", "event", event, "bytes", len(payload))
	case event == accuseEvent && s.id == g.cfg.ID:
		g.deny(s, now)
	case event == accuseEvent:
		g.hearAccusation(s, now)
	case s.by == s.id && g.epochs[s.id] == s.epoch:
		g.accused.acquit(s.charge, now)
		g.unhide(s.id, "it says so")
	}
}

// deny answers an accusation of this agent.
func (g *Gossip) deny(s statement, now time.Time) {
	if s.epoch != g.cfg.Epoch || now.Sub(g.accused.denied) < denyPause {
		return
	}
	g.accused.denied = now
	g.log.Warn("others say that this agent refuses connections: is its gossip port filtered?", "by", g.nameOf(s.by))
	g.loop.Go(func() { g.state(denyEvent, statement{s.charge, g.cfg.ID}) })
}

// hearAccusation hides an agent that enough others were refused by.
func (g *Gossip) hearAccusation(s statement, now time.Time) {
	m := g.dir.ids[s.id]
	if m == nil || m.state != replica.Alive || g.epochs[s.id] != s.epoch || s.by == s.id {
		return
	}
	living := 0 // that could watch it: all but itself
	for id, other := range g.dir.ids {
		if id != s.id && other.state == replica.Alive {
			living++
		}
	}
	if !g.accused.add(s, min(accusers, living+1), now) {
		return
	}
	g.counts.accused.Add(1)
	g.accused.hidden[s.id] = now
	g.setName(m.name, bearer{id: s.id, addr: m.addr, state: replica.Failed, since: now})
}

// unhide takes back what accusations did.
func (g *Gossip) unhide(id replica.ID, why string) {
	if _, hidden := g.accused.hidden[id]; !hidden {
		return
	}
	delete(g.accused.hidden, id)
	m := g.dir.ids[id]
	if m == nil || m.state != replica.Failed {
		return
	}
	g.counts.acquitted.Add(1)
	g.log.Warn("node was taken for failed since it refused connections, but it lives", "node", m.name, "why", why)
	g.setName(m.name, bearer{id: id, addr: m.addr, state: replica.Alive, since: time.Now()})
}

// settleAccusations ends those that membership did not come to agree with.
func (g *Gossip) settleAccusations(now time.Time) {
	g.accused.forget(now)
	for id, since := range g.accused.hidden {
		if now.Sub(since) >= hideFor {
			g.unhide(id, "membership still has it")
		}
	}
}

package gossip

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"covey/gossip/replica"
)

// mends is when membership was last compared with a peer because replication noticed
// that the two hold different nodes to be alive. Gossip loses news, and halves that were
// apart know nothing of one another; memberlist by itself compares with a random member
// every ten seconds, and more rarely in a large cluster. Gossip's mutex guards it.
//
// What is on its way by gossip is no loss, so a difference must stand for a moment. A
// comparison carries all members, so few are under way at once, with pauses that grow
// with the cluster, and twice as long each time that a comparison changed nothing: a
// difference that stays, as over a link that is dead one way, costs little.
type mends struct {
	begun  uint64
	since  time.Time // the difference that stands was first noticed
	seen   time.Time // it was last noticed
	living uint64    // whom we held to be alive when the last comparison began
	last   time.Time // when that was
	pause  time.Duration
	tokens chan struct{} // one held by each comparison under way
	// strangers are peers that send frames although they are not alive here, and whence.
	strangers map[replica.ID]netip.AddrPort
}

const maxStrangers = 16

// hear notes where a frame came from if its sender is not known to be alive.
func (m *mends) hear(known *member, in inbound) {
	if known != nil && known.state == replica.Alive || !in.addr.IsValid() {
		return
	}
	if m.strangers == nil || len(m.strangers) >= maxStrangers {
		m.strangers = map[replica.ID]netip.AddrPort{}
	}
	m.strangers[in.from] = in.addr
}

const (
	mendAfter    = 600 * time.Millisecond // gossip has brought by then what it brings
	mendGap      = 3 * time.Second        // a root comes each second: who hears no more of a difference has none
	mendPause    = time.Second
	mendPerNode  = 10 * time.Millisecond // added to the pause for each member: ten thousand, 100 s
	maxMendPause = time.Minute           // of an unchanged difference, if the cluster's own is no longer
	maxMends     = 3                     // at once: one may wait for a peer that is gone
)

func shortestPause(members int) time.Duration {
	return mendPause + time.Duration(members)*mendPerNode
}

// due notes that a peer holds others to be alive than we do, and reports whether it is
// time to compare. members is how many there are.
func (m *mends) due(now time.Time, living uint64, members int) bool {
	if m.since.Before(m.last) || now.Sub(m.seen) > mendGap {
		m.since = now
	}
	m.seen = now
	pause := shortestPause(members)
	if living == m.living {
		pause = max(pause, m.pause)
	}
	return now.Sub(m.since) >= mendAfter && now.Sub(m.last) >= pause
}

// begin notes that a comparison begins.
func (m *mends) begin(now time.Time, living uint64, members int) {
	shortest := shortestPause(members)
	if living == m.living {
		m.pause = max(shortest, min(2*max(m.pause, shortest), maxMendPause))
	} else {
		m.pause = shortest
	}
	m.begun++
	m.last, m.living = now, living
}

// mend compares membership with one of the peers that see others alive than we do.
func (g *Gossip) mend(estranged []replica.ID) {
	now, m := time.Now(), &g.mends
	if len(estranged) == 0 || !m.due(now, g.core.Living(), len(g.dir.names)) {
		return
	}
	addr, ok := g.mendingPeer(estranged)
	if !ok {
		return
	}
	if g.compareWith(addr) {
		m.begin(now, g.core.Living(), len(g.dir.names))
	}
}

// mendWith compares membership with a node that answers although membership takes it for
// failed: what it reads of itself it denies, to all.
func (g *Gossip) mendWith(addr netip.AddrPort) {
	if now, m := time.Now(), &g.mends; now.Sub(m.last) >= shortestPause(len(g.dir.names)) && g.compareWith(addr.String()) {
		m.begun++
		m.last = now
	}
}

// compareWith begins a comparison, unless there are too many under way.
func (g *Gossip) compareWith(addr string) bool {
	m := &g.mends
	if m.tokens == nil {
		m.tokens = make(chan struct{}, maxMends)
	}
	select {
	case m.tokens <- struct{}{}:
	default:
		return false
	}
	g.loop.Go(func() {
		defer func() { <-m.tokens }()
		if _, err := g.serf.Memberlist().Join([]string{addr}); err != nil {
			g.log.Debug("cannot compare members with a peer that knows others; another will do", "peer", addr, "error", err)
		}
	})
	return true
}

// mendingPeer picks one of those estranged: at the address it writes from if it is not
// known to be alive, which may be another than it had, else where membership knows it.
func (g *Gossip) mendingPeer(estranged []replica.ID) (string, bool) {
	for _, id := range estranged {
		if addr, ok := g.mends.strangers[id]; ok {
			delete(g.mends.strangers, id)
			return addr.String(), true
		}
	}
	if m := g.dir.ids[estranged[rand.IntN(len(estranged))]]; m != nil && m.addr.IsValid() {
		return m.addr.String(), true
	}
	return g.livingPeer()
}

// livingPeer returns the address of a random living member.
func (g *Gossip) livingPeer() (string, bool) {
	for _, m := range g.dir.ids { // in random order
		if m.state == replica.Alive && m.addr.IsValid() {
			return m.addr.String(), true
		}
	}
	return "", false
}

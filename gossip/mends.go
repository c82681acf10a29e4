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
// every ten seconds, and more rarely in a large cluster. It belongs to the loop.
//
// What is on its way by gossip is no loss, so a difference must stand for a moment. A
// comparison carries all members, so there is one at a time for a peer and few in all,
// with pauses that grow with the cluster, and twice as long each time that a comparison
// changed nothing.
type mends struct {
	begun  uint64
	since  time.Time // a difference was first noticed, after the last comparison or rest
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
	mendPause    = time.Second
	mendPerNode  = 10 * time.Millisecond // added to the pause for each member: ten thousand, 100 s
	maxMendPause = time.Minute           // of an unchanged difference
	maxMends     = 3                     // at once: one may wait for a peer that is gone
)

// mend compares membership with one of the peers that see others alive than we do.
func (g *Gossip) mend(estranged []replica.ID) {
	if len(estranged) == 0 {
		return
	}
	now, m := time.Now(), &g.mends
	if m.since.Before(m.last) || now.Sub(m.since) > 5*mendPause {
		m.since = now // the first one, or the last one is long past
	}
	if now.Sub(m.since) < mendAfter || now.Sub(m.last) < m.pause {
		return
	}
	addr, ok := g.mendingPeer(estranged)
	if !ok {
		return
	}
	if m.tokens == nil {
		m.tokens = make(chan struct{}, maxMends)
	}
	select {
	case m.tokens <- struct{}{}:
	default:
		return
	}
	m.begun++
	shortest := mendPause + time.Duration(len(g.dir.names))*mendPerNode
	if g.core.Living() == m.living {
		m.pause = max(shortest, min(2*m.pause, maxMendPause))
	} else {
		m.pause = shortest
	}
	m.last, m.living = now, g.core.Living()
	g.loop.Go(func() {
		defer func() { <-m.tokens }()
		if _, err := g.serf.Memberlist().Join([]string{addr}); err != nil {
			g.log.Debug("cannot compare members with a peer that knows others; another will do", "peer", addr, "error", err)
		}
	})
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

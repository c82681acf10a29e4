package gossip

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/serf/serf"
)

// rivalry is the contest for this agent's name. Membership knows a name at one address,
// and keeps it there as long as that one lives. So an agent that comes up under a name
// hears of a rival when the name is known at another address: of one that lives, or of
// itself, at the address it had before.
//
//	(none) --claimed--> asked --answers--> the later of both gives way
//	                      \---silence--> we go on telling the others until they believe it
//
// It is serf's merge delegate, since that is shown every claim to life. It accepts all.
type rivalry struct {
	name string

	mu    sync.Mutex     // guards what follows
	own   netip.AddrPort // where the others know this agent; invalid until membership runs
	claim rivalClaim     // the last one from another address
	asked time.Time      // when the last contest began
	busy  bool           // it goes on
}

type rivalClaim struct {
	addr  netip.AddrPort
	epoch uint64
	at    time.Time
}

const (
	rivalFresh = 15 * time.Second // how long a claim counts: comparing members repeats it
	rivalPause = time.Second      // between contests
	rivalPings = 3
)

// NotifyMerge implements serf.MergeDelegate. It is called with locks of memberlist held.
func (r *rivalry) NotifyMerge(members []*serf.Member) error {
	if len(members) != 1 || members[0].Name != r.name {
		return nil
	}
	addr, ok := addrOf(members[0])
	if !ok {
		return nil
	}
	epoch, _ := strconv.ParseUint(members[0].Tags[EpochTag], 36, 64)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.own.IsValid() && addr != r.own {
		r.claim = rivalClaim{addr, epoch, time.Now()}
	}
	return nil
}

// begin states this agent's address, once membership runs.
func (r *rivalry) begin(own netip.AddrPort) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.own = own
}

// next returns the claim to contest now, if there is one. done is to follow.
func (r *rivalry) next(now time.Time) (rivalClaim, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.busy || r.claim.at.IsZero() || now.Sub(r.claim.at) > rivalFresh || now.Sub(r.asked) < rivalPause {
		return rivalClaim{}, false
	}
	r.busy, r.asked = true, now
	return r.claim, true
}

func (r *rivalry) done() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.busy = false
}

// contestName asks a rival whether it lives, and does what follows.
func (g *Gossip) contestName(now time.Time) {
	c, ok := g.rival.next(now)
	if !ok {
		return
	}
	peer, met := g.livingPeer()
	g.loop.Go(func() {
		defer g.rival.done()
		switch {
		case g.answers(c.addr):
			g.yieldOrStay(c)
		case met:
			// Nobody is there: it is this host's own former address. The others take us for it
			// once they have found it dead.
			if _, err := g.serf.Memberlist().Join([]string{peer}); err != nil {
				g.log.Debug("cannot tell a peer of our new address", "peer", peer, "error", err)
			}
		}
	})
}

// answers reports whether an agent of our name lives at addr, other than ourselves.
func (g *Gossip) answers(addr netip.AddrPort) bool {
	if g.isOurs(addr) {
		return false
	}
	for range rivalPings {
		if _, err := g.serf.Memberlist().Ping(g.cfg.Name, net.UDPAddrFromAddrPort(addr)); err == nil {
			return true
		}
	}
	return false
}

// isOurs reports whether we listen on addr: an agent bound to all of its host's
// addresses that was restarted with another one to advertise.
func (g *Gossip) isOurs(addr netip.AddrPort) bool {
	bound, err := netip.ParseAddr(g.cfg.BindIP)
	if g.cfg.BindIP != "" && (err != nil || !bound.IsUnspecified()) || int(addr.Port()) != g.transport.port {
		return false
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.Equal(addr.Addr().AsSlice()) {
			return true
		}
	}
	return false
}

// yieldOrStay ends the agent that was started later, and warns in the other.
func (g *Gossip) yieldOrStay(c rivalClaim) {
	g.rival.mu.Lock()
	own := g.rival.own
	g.rival.mu.Unlock()
	if g.cfg.Epoch < c.epoch || g.cfg.Epoch == c.epoch && own.Compare(c.addr) < 0 {
		g.refused.note(refusedRival, "another agent was started under this one's node name; it should end by itself",
			"node", g.cfg.Name, "address", c.addr)
		// It may not have heard of us: if the others met it first, they keep our claim to
		// themselves.
		if _, err := g.serf.Memberlist().Join([]string{c.addr.String()}); err != nil {
			g.log.Debug("cannot tell the other agent of this name that we were here before", "address", c.addr, "error", err)
		}
		return
	}
	g.fail(fmt.Errorf("another living agent, at %v, bears the node name %q and was started before this one; "+
		"start this agent with another --node, or stop that one first", c.addr, g.cfg.Name))
}

// fail makes Run return err.
func (g *Gossip) fail(err error) {
	select {
	case g.failed <- err:
	default:
	}
}

package gossip

import (
	"net"
	"net/netip"
	"time"

	"github.com/hashicorp/serf/serf"

	"covey/gossip/replica"
)

// A second opinion: when membership says that a node failed, this agent asks the node
// itself before it hides it. Membership hears of a failure from whoever noticed it, and
// one agent that was stalled or cut off takes all others for dead and says so; each of
// them contradicts, but for a moment all believe it. A node that answers stays, and is
// asked again until membership takes it back or it answers no more.

const (
	secondPings = 4           // within twice the profile's ProbeTimeout; packets may be lost
	secondAgain = time.Second // between opinions on a node that answers
)

// opinion is under way about one name.
type opinion struct{ addr netip.AddrPort }

// secondOpinion asks a node that membership has as failed whether it lives.
func (g *Gossip) secondOpinion(name string, b *bearer) {
	o := &opinion{b.addr}
	g.opinions[name] = o
	g.loop.Go(func() {
		for first := true; g.answersPing(name, o.addr); first = false {
			if first {
				g.counts.contradicted.Add(1)
			}
			select {
			case <-time.After(secondAgain):
			case <-g.stop:
				return
			}
			if over := g.overtaken(name, o); over {
				return
			}
		}
		g.do(func() {
			if g.opinions[name] != o {
				return
			}
			delete(g.opinions, name)
			if b := g.dir.names[name]; b != nil {
				g.hide(name, b)
			}
		})
	})
}

// hide is for a node that membership says failed, and that does not contradict.
func (g *Gossip) hide(name string, b *bearer) {
	delete(g.accused.hidden, b.id) // no accusation's end brings it back
	g.setName(name, bearer{id: b.id, addr: b.addr, state: replica.Failed, since: time.Now()})
}

// overtaken reports whether membership spoke of the name again meanwhile.
func (g *Gossip) overtaken(name string, o *opinion) bool {
	over := true
	g.do(func() { over = g.opinions[name] != o })
	return over
}

// answersPing reports whether the agent at addr answers as that node. The pings overlap:
// one that is lost must not keep the next one waiting.
func (g *Gossip) answersPing(name string, addr netip.AddrPort) bool {
	answers, enough := make(chan bool, secondPings), make(chan struct{})
	defer close(enough)
	for i := range secondPings {
		g.loop.Go(func() {
			select {
			case <-time.After(time.Duration(i) * g.cfg.Timing.ProbeTimeout / secondPings):
				_, err := g.serf.Memberlist().Ping(name, net.UDPAddrFromAddrPort(addr))
				answers <- err == nil
			case <-enough:
			case <-g.stop:
				answers <- false
			}
		})
	}
	for range secondPings {
		if <-answers {
			return true
		}
	}
	return false
}

// failedMember is what follows when membership says that a member failed.
func (g *Gossip) failedMember(m *serf.Member) {
	b := g.dir.names[m.Name]
	if b == nil {
		return
	}
	if b.state == replica.Alive {
		g.secondOpinion(m.Name, b)
		return
	}
	g.hide(m.Name, b)
}
